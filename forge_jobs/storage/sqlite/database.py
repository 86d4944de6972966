"""One connection to one database file: opened at first use, closed before every fork, behind the turnstile to write."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec

from forge_jobs.clock import Clock, SystemClock, monotonic
from forge_jobs.config import DEADLINE
from forge_jobs.errors import DatabaseBusy, DatabaseUnusable, ForkedProcess, InvalidValue
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.borrowed import Borrowed
from forge_jobs.storage.sqlite.errors import Damaged, translated
from forge_jobs.storage.sqlite.forking import Opening, databases
from forge_jobs.storage.sqlite.migrating import migrate, pending
from forge_jobs.storage.sqlite.opening import check_file
from forge_jobs.storage.sqlite.turnstile import Turnstile, WaitForLock, turnstile_of
from forge_jobs.storage.sqlite.undecodable import fetched, is_utf8

Connection = apsw.Connection | Borrowed
"""What statements are run on."""

CLIENT_CHECKPOINT_PAGES = 2000
"""A client moves the log into the file only when it has grown to 8 MB: where a coordinator runs, that is its work.

Until the log has its size each commit makes it longer, which takes about twice as long as one that does not.
"""

_STEPS_BETWEEN_LOOKS = 50_000  # of SQLite's virtual machine, about a millisecond, between looks at the deadline


class Database:
    """The connection, its transactions and its errors. Safe to use from several threads, one at a time."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        wait: WaitForLock | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self.path = path
        self.clock = clock or SystemClock()
        self.deadline = deadline
        self._wait = wait
        self._lock = threading.RLock()
        self._connection: apsw.Connection | None = None
        self._name = str(path)
        self._file = (0, 0)
        self._turnstile: Turnstile | None = None
        self._give_up_at = 0.0
        self._busy = False
        self._forked = False
        databases.add(self)

    def run(self, connection: Connection, name: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Execute the statement ``sql/<name>.sql`` to its end and return its rows."""
        try:
            return connection.execute(statement("sqlite", name), values).fetchall()
        except UnicodeDecodeError as error:
            rows = fetched(connection, statement("sqlite", name), values)
            if rows is not None:
                return rows
            told = f"database {self.path} has a text that is none ({error}): no program of ours wrote it"
            raise Damaged(told) from error

    def many(self, connection: Connection, name: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute a statement for each row of values."""
        connection.executemany(statement("sqlite", name), rows)

    def joined(self) -> contextlib.AbstractContextManager[apsw.Connection]:
        """Give the connection, in the transaction that may be open."""
        return self.reading()

    def stored(self, instant: int) -> int:
        """Return an instant as a parameter."""
        return instant

    def listed(self, texts: Sequence[str]) -> str:
        """Return several texts as one parameter."""
        return msgspec.json.encode(texts).decode()

    @contextlib.contextmanager
    def _to_oneself(self) -> Iterator[float]:
        """Have the connection to oneself, among the threads of this process; give the time until which the call has."""
        give_up_at = monotonic() + self.deadline
        if not self._lock.acquire(timeout=self.deadline):
            raise DatabaseBusy(
                f"database {self.path}: another thread of this process has used the connection for {self.deadline:g} s"
            )
        try:
            yield give_up_at
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """Give the connection, in one snapshot if the block opens a transaction itself."""
        with self._to_oneself(), self.translating():
            yield self._opened()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """Give the connection in a read transaction: every statement sees the same state."""
        with self.reading() as connection:
            if connection.in_transaction:  # that of a handler, which sees its own writes
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """Give the connection in a write transaction that is committed at the end, or rolled back on an error."""
        with self._to_oneself() as give_up_at, self.translating():
            self._check_outside()
            try:
                connection = self._enter(give_up_at)
                left = max(self._give_up_at - monotonic(), 0.1)
                connection.set_busy_timeout(int(left * 1000))  # for programs that do not stand in line
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            finally:
                self._leave()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the writers' lock with the connection closed."""
        with self._to_oneself() as give_up_at:
            self.close()
            self._turnstile = turnstile_of(turnstile_file(self.path))
            try:
                self._take_turn(give_up_at)
                yield
            finally:
                self._leave()

    def _check_outside(self) -> None:
        """Refuse a transaction within one: it would wait for itself."""
        if self._connection is not None and self._connection.in_transaction:
            raise InvalidValue(
                "this thread is in a transaction of the database already: "
                "enqueue with connection=transaction.connection, and do everything else after it"
            )

    def _enter(self, give_up_at: float) -> apsw.Connection:
        """Take the turn to write, on the file that has the database's name then."""
        while True:
            connection = self._opened_before()
            self._take_turn(give_up_at)
            if self._same_file():
                return connection
            self._leave()
            self.close()  # it was dropped by somebody: what is written to the old file would be lost

    def _take_turn(self, give_up_at: float) -> None:
        assert self._turnstile is not None
        self._turnstile.leave(self)  # if a signal's exception met the end of the last turn
        self._busy = True
        self._turnstile.enter(max(give_up_at - monotonic(), 0.0), self._wait, self)

    def _leave(self) -> None:
        """End the turn, if it was got."""
        self._busy = False
        if self._turnstile is not None:
            self._turnstile.leave(self)

    def close_idle(self) -> None:
        """Close the connection unless it is in the middle of a write."""
        if not self._busy:
            self.close()

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                _closed(self._connection)
                self._connection = None

    def _opened(self) -> apsw.Connection:
        """Return the connection to the file that has the database's name now."""
        connection = self._opened_before()
        if self._same_file():
            return connection
        self.close()  # dropped by somebody
        return self._opened_before()

    def _opened_before(self) -> apsw.Connection:
        """Return the connection, though its file may have been dropped since it was opened."""
        if self._forked:
            raise ForkedProcess(
                f"this process was forked while its parent was writing to {self.path}; "
                "start it with spawn, or fork outside of the transaction"
            )
        self._give_up_at = monotonic() + self.deadline
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _same_file(self) -> bool:
        try:
            status = os.stat(self._name)  # noqa: PTH116 - once for every call: twice as fast
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._file

    def _open(self) -> apsw.Connection:
        with Opening.lock:
            self._check_still_usable()
            connection = apsw.Connection(self._name)
        try:
            status = self.path.stat()
            self._file = (status.st_dev, status.st_ino)
            self._turnstile = turnstile_of(turnstile_file(self.path))
            connection.set_busy_timeout(int(self.deadline * 1000))
            connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_LOOKS)
            connection.pragma("synchronous", "FULL")
            connection.pragma("temp_store", "MEMORY")
            connection.create_scalar_function("utf8", is_utf8, 1, deterministic=True)
            connection.wal_autocheckpoint(CLIENT_CHECKPOINT_PAGES)
            if pending(connection, self.path):
                try:
                    self._take_turn(monotonic() + self.deadline)
                    migrate(connection, self.path)
                finally:
                    self._leave()
        except BaseException:
            _closed(connection)
            raise
        return connection

    def _check_still_usable(self) -> None:
        try:
            check_file(self.path)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise DatabaseUnusable(f"database {self.path} cannot be created: {error.strerror}") from error

    def _is_late(self) -> bool:
        return monotonic() > self._give_up_at

    @contextlib.contextmanager
    def translating(self) -> Iterator[None]:
        """Let what apsw raises in the block be an error of ours."""
        try:
            yield
        except apsw.Error as error:
            if isinstance(error, apsw.IOError):
                self.close()  # the next call opens the file anew: a descriptor may have been closed behind our back
            raise translated(error, self.path) from error

    def before_fork(self) -> None:
        """Let no other thread use the connection, and close it unless this thread is writing."""
        self._lock.acquire()
        self.close_idle()

    def after_fork(self, *, in_child: bool) -> None:
        """Let them go on; in the child, begin anew."""
        if in_child:
            self._forked = self._busy
            if self._forked:
                _abandoned.append(self._connection)  # closing it here would touch the parent's locks
                self._connection = None
            self._lock = threading.RLock()
        else:
            self._lock.release()


def _closed(connection: apsw.Connection) -> None:
    """Close a connection. The last one moves the log into the file; where the disk fails, a later one does."""
    with Opening.lock, contextlib.suppress(apsw.Error):
        connection.close(force=True)


def close_idle() -> None:
    """Close every connection of this process that is not in the middle of a write; each opens again at its next use."""
    for database in list(databases):
        database.close_idle()


def turnstile_file(database: Path) -> Path:
    """Return the path of the lock file of a database."""
    return database.with_name(database.name + "-turnstile")


_abandoned: list[object] = []
