"""One connection to one server: opened at first use, left alone by forked children, with a deadline for every call."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import RawCursor, conninfo
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

from forge_jobs.clock import Clock, SystemClock, monotonic
from forge_jobs.errors import DatabaseError, ForkedProcess
from forge_jobs.storage.postgres.adapting import register
from forge_jobs.storage.postgres.address import SCHEMA
from forge_jobs.storage.postgres.errors import Late, translated
from forge_jobs.storage.postgres.migrating import check_version
from forge_jobs.storage.sql import statement

DEADLINE = 10.0
"""Seconds after which a call gives up."""

CONNECT_SECONDS = 5
_PLANS = "-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off"
"""Every statement has an index that gives its rows in order. What the server knows of a queue's size is often old by
minutes, and a plan made for an empty table is ruin on a full one."""

T = TypeVar("T")


class _Connection(psycopg.Connection[Any]):
    """A connection that stops waiting for a server which accepts and never answers."""

    give_up_at = float("inf")

    @property
    def was_cut(self) -> bool:
        """Whether the server has said something although nothing was asked: its farewell, nearly always."""
        if self.closed:
            return True
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server until the deadline; after it the connection is of no use any more."""
        left = max(self.give_up_at - monotonic(), 0.0)
        if timeout is not None and timeout <= left:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, None if left == float("inf") else left)
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise Late from None


class Database:
    """The connection, its transactions and its errors. Safe to use from several threads, one at a time."""

    def __init__(
        self, url: str, *, clock: Clock | None = None, deadline: float = DEADLINE, schema: str = SCHEMA
    ) -> None:
        self.url = url
        self.schema = schema
        self.deadline = deadline
        self.clock: Clock = clock or ServerClock(self)
        self._lock = threading.RLock()
        self._connection: _Connection | None = None
        self._in_transaction = False
        self._forked = False
        _databases.add(self)

    @property
    def location(self) -> str:
        """The database, without a password."""
        return shown(self.url)

    def text(self, name: str) -> str:
        """Return the statement ``sql/<name>.sql`` for this database's schema."""
        text = statement("postgres", name)
        return text if self.schema == SCHEMA else text.replace(f"{SCHEMA}.", f"{self.schema}.")

    def run(self, connection: psycopg.Connection[Any], name: str, values: Sequence[Any] = ()) -> list[Any]:
        """Execute a statement and return its rows."""
        cursor = connection.execute(self.text(name), values, binary=True)
        return cursor.fetchall() if cursor.description else []

    def changed(self, connection: psycopg.Connection[Any], name: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement and return how many rows it changed."""
        return connection.execute(self.text(name), values).rowcount

    def many(self, connection: psycopg.Connection[Any], name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement for each row of values."""
        if rows:
            connection.cursor().executemany(self.text(name), rows)

    def ask_clock(self) -> int | None:
        """Return the server's time, None while there is no connection: then nobody has asked it anything either."""
        if self._connection is None or self._connection.closed or self._forked:
            return None
        with self.single() as connection:
            ((there,),) = self.run(connection, "clock")
        return int(there)

    @contextlib.contextmanager
    def piped(self) -> Iterator[Pipe]:
        """Give a pipe whose statements are one transaction and one round trip; their rows are there after the block."""
        pipe = Pipe()
        yield pipe
        with self._lock, self._translating():
            connection = self._opened()
            self._in_transaction = True
            try:
                with connection.pipeline():
                    connection.execute("BEGIN")
                    cursors = [connection.execute(self.text(name), values, binary=True) for name, values in pipe.sent]
                    connection.execute("COMMIT")
                pipe.rows = [cursor.fetchall() for cursor in cursors]
            except BaseException:
                self._roll_back(connection)
                raise
            finally:
                self._in_transaction = False

    @contextlib.contextmanager
    def single(self) -> Iterator[psycopg.Connection[Any]]:
        """Give the connection; each statement is a transaction of its own."""
        with self._lock, self._translating():
            yield self._opened()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[psycopg.Connection[Any]]:
        """Give the connection in a read transaction: every statement sees the same state."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[psycopg.Connection[Any]]:
        """Give the connection in a transaction that is committed at the end, or rolled back on an error."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[psycopg.Connection[Any]]:
        with self._lock, self._translating():
            connection = self._opened()
            connection.execute(begin)
            self._in_transaction = True
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self._roll_back(connection)
                raise
            finally:
                self._in_transaction = False

    def _roll_back(self, connection: _Connection) -> None:
        """Roll back, or drop the connection where that cannot be."""
        with contextlib.suppress(psycopg.Error, Late):
            if connection.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
                connection.execute("ROLLBACK")
                return
        self.close()

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _opened(self) -> _Connection:
        if self._forked:
            raise ForkedProcess(
                f"this process was forked while its parent was writing to {self.location}; "
                "start it with spawn, or fork outside of the transaction"
            )
        connection = self._connection
        if connection is not None and not self._in_transaction and connection.was_cut:
            self.close()  # by a restart, while nobody used it: what comes next need not fail for that
            connection = None
        if connection is None or connection.closed:
            self._connection = connection = self._open()
        connection.give_up_at = monotonic() + self.deadline
        return connection

    def _open(self) -> _Connection:
        connection = connect(self.url, self.deadline)
        try:
            check_version(connection, self.schema, self.location)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, Late) as error:
            connection = self._connection
            if connection is not None and (connection.closed or connection.broken):
                self._connection = None
            raise translated(error, self.location) from error

    def _after_fork(self) -> None:
        """In a forked child: the connection is the parent's; closing it here would end the parent's session."""
        if self._connection is not None:
            _abandoned.append(self._connection)
        self._forked = self._in_transaction
        self._connection = None
        self._lock = threading.RLock()


class Pipe:
    """Statements that are sent together."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Sequence[Any]]] = []
        self.rows: list[list[Any]] = []

    def send(self, name: str, values: Sequence[Any]) -> None:
        """Add the statement ``sql/<name>.sql``."""
        self.sent.append((name, values))


class ServerClock:
    """The server's clock, so that all hosts agree: this machine's plus a difference that is measured now and then."""

    EVERY = 60.0

    def __init__(self, database: Database) -> None:
        self._database = weakref.ref(database)
        self._difference = 0
        self._measured_at = float("-inf")

    def now(self) -> int:
        """Return microseconds since the epoch. Never fails: while there is no server the last difference holds."""
        if monotonic() - self._measured_at > self.EVERY:
            database = self._database()
            if database is not None:
                with contextlib.suppress(DatabaseError, psycopg.Error):
                    self._measure(database)
        return SystemClock().now() + self._difference

    def _measure(self, database: Database) -> None:
        """Ask the server, over a connection that is there: the moment counts in the middle of the way."""
        before = SystemClock().now()
        there = database.ask_clock()
        if there is not None:
            self._difference = there - (before + SystemClock().now()) // 2
            self._measured_at = monotonic()


def connect(url: str, deadline: float) -> _Connection:
    """Open a connection; raise psycopg.Error."""
    connection = _Connection.connect(
        url,
        autocommit=True,
        cursor_factory=RawCursor,
        connect_timeout=CONNECT_SECONDS,
        application_name="forge-jobs",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=round(deadline * 1000),
        options=f"-c statement_timeout={round(deadline * 1000)} {_PLANS}",
    )
    register(connection)
    connection.prepare_threshold = 1
    connection.prepared_max = 300
    connection.give_up_at = monotonic() + deadline
    return connection


def shown(url: str) -> str:
    """Return a URL without its password and its options, for people."""
    told = conninfo.conninfo_to_dict(url)
    place = told.get("host") or "localhost"
    port = f":{told['port']}" if told.get("port") else ""
    return f"postgresql://{told.get('user') or ''}@{place}{port}/{told.get('dbname') or ''}".replace("//@", "//")


def close_idle() -> None:
    """Close every connection of this process that is not in the middle of a transaction."""
    for database in list(_databases):
        if not database._in_transaction:
            database.close()


_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_abandoned: list[object] = []


def _after_fork_in_child() -> None:
    for database in list(_databases):
        database._after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
