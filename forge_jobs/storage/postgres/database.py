"""One connection to one server: opened at first use, left alone by forked children, with a deadline for every call."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from forge_jobs.clock import Clock, monotonic
from forge_jobs.config import DEADLINE
from forge_jobs.errors import DatabaseBusy, DatabaseError, DatabaseUnusable, ForkedProcess
from forge_jobs.showing import one_line
from forge_jobs.storage.postgres.adapting import Instant
from forge_jobs.storage.postgres.address import SCHEMA
from forge_jobs.storage.postgres.borrowed import Borrowed
from forge_jobs.storage.postgres.connecting import OurConnection, connect, connect_plainly, milliseconds, shown
from forge_jobs.storage.postgres.errors import Late, translated
from forge_jobs.storage.postgres.migrating import check_version
from forge_jobs.storage.postgres.server_clock import ServerClock
from forge_jobs.storage.sql import statement

CLOCK_SECONDS = 2.0
"""What asking for the time may take: whoever asks has something else to ask after it."""

Connection = psycopg.Connection[Any] | Borrowed
"""What statements are run on."""


class Database:
    """The connection, its transactions and its errors. Safe to use from several threads, one at a time."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        deadline: float = DEADLINE,
        schema: str = SCHEMA,
        pooled: bool = False,
    ) -> None:
        self.url = url
        self.schema = schema
        self.pooled = pooled
        self.deadline = deadline
        self.clock: Clock = clock or ServerClock(_asking(weakref.ref(self)))
        self._lock = threading.RLock()
        self._connection: OurConnection | None = None
        self._give_up_at = float("inf")
        self._spent = 0.0  # by a question for the time that was not answered
        self._in_transaction = False
        self._writer = 0  # the thread whose transaction it is
        self._forked = False
        _databases.add(self)

    @property
    def location(self) -> str:
        """The database, without a password, and the schema where it is another than usual."""
        return one_line(shown(self.url)) + ("" if self.schema == SCHEMA else f"?schema={self.schema}")

    def text(self, name: str) -> str:
        """Return the statement ``sql/<name>.sql`` for this database's schema."""
        return _text(name, self.schema)

    def run(self, connection: Connection, name: str, values: Sequence[Any] = ()) -> list[Any]:
        """Execute a statement and return its rows."""
        cursor = connection.execute(self.text(name), values, binary=True)
        result = cursor.pgresult  # asked for its columns: a description is made anew each time, 0.05 ms for an exchange
        return cursor.fetchall() if result is not None and result.nfields else []

    def changed(self, connection: Connection, name: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement and return how many rows it changed."""
        return connection.execute(self.text(name), values).rowcount

    def many(self, connection: Connection, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement for each row of values."""
        if rows:
            connection.cursor().executemany(self.text(name), rows)

    def ask_clock(self) -> int:
        """Return the server's time; raise DatabaseError, and leave so much less time to the call that asked for it."""
        begun = monotonic()
        try:
            with self._turn(CLOCK_SECONDS), self.translating():
                return self._time_of(self._opened())
        except DatabaseError:
            self._spent = monotonic() - begun
            raise

    def set_clock(self, connection: Connection) -> None:
        """Compare clocks over a connection that a caller lends, if that is due."""
        if isinstance(self.clock, ServerClock):
            self.clock.measure(lambda: self._time_of(connection))

    def _time_of(self, connection: Connection) -> int:
        ((there,),) = self.run(connection, "clock")
        return int(there)

    def joined(self) -> contextlib.AbstractContextManager[psycopg.Connection[Any]]:
        """Give the connection, in the transaction that may be open."""
        return self.single()

    def stored(self, instant: int) -> Instant:
        """Return an instant as a parameter."""
        return Instant(instant)

    def listed(self, texts: Sequence[str]) -> list[str]:
        """Return several texts as one parameter."""
        return list(texts)

    @contextlib.contextmanager
    def single(self) -> Iterator[psycopg.Connection[Any]]:
        """Give the connection; each statement is a transaction of its own."""
        with self._turn(), self.translating():
            yield self._opened()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[psycopg.Connection[Any]]:
        """Give the connection in a read transaction: every statement sees the same state."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[psycopg.Connection[Any]]:
        """Give the connection in a transaction that is committed at the end, or rolled back on an error."""
        with self._transaction("BEGIN ISOLATION LEVEL READ COMMITTED") as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[psycopg.Connection[Any]]:
        with self._turn(), self.translating():
            connection = self._opened()
            connection.execute(begin)
            self._in_transaction, self._writer = True, threading.get_ident()
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self._roll_back(connection)
                raise
            finally:
                self._in_transaction = False

    def _roll_back(self, connection: OurConnection) -> None:
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

    def _opened(self) -> OurConnection:
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
            if self._in_transaction:  # on another connection what comes next would be stored without it
                raise DatabaseUnusable(f"database {self.location} was lost in the middle of a transaction")
            self._connection = connection = self._open()
        connection.give_up_at = self._give_up_at
        return connection

    @contextlib.contextmanager
    def _turn(self, seconds: float | None = None) -> Iterator[None]:
        """Have the connection to oneself; from here on the call's time runs, whatever it is spent on."""
        give_up_at = monotonic() + (max(self.deadline - self._spent, 0.0) if seconds is None else seconds)
        self._spent = 0.0
        if not self._lock.acquire(timeout=self.deadline):
            raise DatabaseBusy(f"database {self.location}: other threads of this process have used it for too long")
        before = self._give_up_at
        try:
            self._give_up_at = give_up_at
            yield
        finally:
            self._give_up_at = before  # of the call that this one is part of
            if self._connection is not None:
                self._connection.give_up_at = before
            self._lock.release()

    @contextlib.contextmanager
    def lending(self) -> Iterator[OurConnection]:
        """Give a new connection in a transaction, for somebody else to use: with psycopg's own ways and no deadline.

        To begin and to end the transaction takes no longer than the deadline, however the block ends; what the block
        raises goes out although nobody answers to the rollback.
        """
        raised: BaseException | None = None
        with self.translating(), connect_plainly(self.url, self.deadline) as lent:
            if self.pooled:
                lent.prepare_threshold = None
            lent.give_up_at = monotonic() + self.deadline
            try:
                with lent.transaction():
                    lent.give_up_at = float("inf")
                    try:
                        yield lent
                    except BaseException as error:
                        raised = error
                        raise
                    finally:
                        lent.give_up_at = min(lent.give_up_at, monotonic() + self.deadline)
            except Late:
                if raised is not None:
                    raise raised from raised.__cause__
                raise

    def back(self, lent: OurConnection) -> Borrowed:
        """Take back what was lent, to end the transaction within the deadline."""
        lent.give_up_at = monotonic() + self.deadline
        ours = Borrowed(lent)
        limits = (milliseconds(self.deadline), milliseconds(2 * self.deadline))
        self.run(ours, "end_in_time", tuple(map(str, limits)))
        return ours

    def _open(self) -> OurConnection:
        connection = connect(self.url, self.deadline, left=self._give_up_at - monotonic(), pooled=self.pooled)
        try:
            check_version(connection, self.schema, self.location)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def translating(self) -> Iterator[None]:
        """Let what psycopg raises in the block be an error of ours."""
        try:
            yield
        except (psycopg.Error, Late) as error:
            connection = self._connection
            if connection is not None and (connection.closed or connection.broken):
                self._connection = None
            if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                self.close()  # a standby, or a primary that was one: the next connection may find the right one
            raise translated(error, self.location) from error

    def _after_fork(self) -> None:
        """In a forked child: the connection is the parent's; closing it here would end the parent's session."""
        if self._connection is not None:
            _abandoned.append(self._connection)
        self._forked = self._in_transaction and self._writer == threading.get_ident()
        self._in_transaction = False
        self._connection = None
        self._lock = threading.RLock()


@functools.lru_cache(maxsize=256)
def _text(name: str, schema: str) -> str:
    text = statement("postgres", name)
    return text if schema == SCHEMA else text.replace(f"{SCHEMA}.", f'"{schema}".')


def _asking(database: weakref.ref[Database]) -> Callable[[], int | None]:
    """Return a way to ask for the time that does not keep the database alive."""

    def ask() -> int | None:
        asked = database()
        return None if asked is None else asked.ask_clock()

    return ask


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
