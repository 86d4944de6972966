"""The databases that the contract suite runs on. Another one is another class here, and one more line in BACKENDS."""

from __future__ import annotations

import fcntl
import functools
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import apsw
import psycopg

from forge_jobs.clock import Clock
from forge_jobs.locks import flock_record
from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.postgres.schema import TABLES
from forge_jobs.storage.postgres.storage import PostgresStorage
from forge_jobs.storage.sqlite import turnstile
from forge_jobs.storage.sqlite.database import turnstile_file
from forge_jobs.storage.sqlite.lifelock import hosts_file
from tests.support.postgres import debians, having, server_url


class Backend(Protocol):
    """One empty database, and the power over life and death of the hosts that work on it."""

    @property
    def url(self) -> str: ...

    def open(self, clock: Clock) -> Storage:
        """Return one more storage of the same database, as another process would have it."""

    def blank(self, clock: Clock) -> Storage:
        """Return a storage of the same database, in which no schema has been created unless by ``open``."""

    def give_life(self) -> int:
        """Return the ``life_lock`` of a host that lives from now on."""

    def take_life(self, life_lock: int) -> None:
        """Let the host that has this ``life_lock`` die without a word."""

    def revive(self, life_lock: int) -> None:
        """Let a host that was taken for dead show that it lives."""

    def connection(self) -> Any:
        """Return a program's own connection to the database, by the driver, on which no transaction is open."""

    def close(self) -> None:
        """Close everything that was opened here."""


class SqliteBackend:
    """A temporary file. A host lives while its byte of the hosts file is locked.

    A supervisor locks its byte as a process; here the lock belongs to an open file, which the same question finds,
    so that a test can be several hosts at once.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / "queue.sqlite"
        self.url = f"sqlite:///{self.path}"
        self._opened: list[Storage] = []
        self._lent: list[apsw.Connection] = []
        self._lives: int | None = None
        self._next_life = 1

    def open(self, clock: Clock) -> Storage:
        """Return one more storage of the same database."""
        storage = open_storage(self.url, clock=clock)
        self._opened.append(storage)
        return storage

    def blank(self, clock: Clock) -> Storage:
        """Return one more storage: this database creates itself when it is opened."""
        return self.open(clock)

    def connection(self) -> apsw.Connection:
        """Return a connection that waits for its turn."""
        connection = apsw.Connection(str(self.path))
        connection.set_busy_timeout(5000)
        self._lent.append(connection)
        return connection

    def give_life(self) -> int:
        """Lock the next byte."""
        byte, self._next_life = self._next_life, self._next_life + 1
        self._lock(byte, fcntl.F_WRLCK)
        return byte

    def revive(self, life_lock: int) -> None:
        """Lock a byte again."""
        self._lock(life_lock, fcntl.F_WRLCK)

    def take_life(self, life_lock: int) -> None:
        """Unlock the byte."""
        self._lock(life_lock, fcntl.F_UNLCK)

    def _lock(self, byte: int, kind: int) -> None:
        if self._lives is None:
            self._lives = os.open(hosts_file(self.path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.fcntl(self._lives, fcntl.F_OFD_SETLK, kind.to_bytes(2, "little") + flock_record(byte)[2:])

    def close(self) -> None:
        """Close every storage and let every host die."""
        for connection in self._lent:
            connection.close(force=True)
        for storage in self._opened:
            storage.close()
        self._leave_the_line()
        if self._lives is not None:
            os.close(self._lives)
            self._lives = None

    def _leave_the_line(self) -> None:
        """Close the turnstile, which a process keeps for ever otherwise: each test has a file of its own."""
        for key, opened in list(turnstile._open.items()):
            if opened._path == turnstile_file(self.path):
                del turnstile._open[key]
                os.close(opened._fd)


class PostgresBackend:
    """A schema of its own in the server that the tests share. A host lives while nobody has declared it dead."""

    def __init__(self, _directory: Path, programs: Path | None = None) -> None:
        self._server = server_url(programs)
        self._schema = f"t{os.urandom(6).hex()}"
        self.url = having(self._server, schema=self._schema)
        self._opened: list[PostgresStorage] = []
        self._lent: list[psycopg.Connection[Any]] = []
        self._lives = 0
        self._layout: object = None

    def open(self, clock: Clock) -> Storage:
        """Return one more storage of the same schema, which is created first, or was by a test that has left it."""
        storage = self.blank(clock)
        if self._layout is None and _left[self._server]:
            left, self._layout = _left[self._server].pop()
            self._execute(f"ALTER SCHEMA {left} RENAME TO {self._schema}")
        else:
            storage.schema.create()
            self._layout = self._layout or self._layout_now()
        return storage

    def blank(self, clock: Clock) -> Storage:
        """Return one more storage of the same schema."""
        storage = PostgresStorage(self.url, clock=clock)
        self._opened.append(storage)
        return storage

    def connection(self) -> psycopg.Connection[Any]:
        """Return a connection."""
        connection = psycopg.connect(self._server, autocommit=True)
        self._lent.append(connection)
        return connection

    def give_life(self) -> int:
        """Return the next number."""
        self._lives += 1
        return self._lives

    def take_life(self, life_lock: int) -> None:
        """Declare a host dead, as one would that has watched it for long enough."""
        self._execute(f"UPDATE {self._schema}.host SET dead = true WHERE life_lock = {life_lock}")

    def revive(self, life_lock: int) -> None:
        """Take that back."""
        self._execute(f"UPDATE {self._schema}.host SET dead = false WHERE life_lock = {life_lock}")

    def _execute(self, text: str) -> psycopg.Cursor[Any]:
        return _hands(self._server).execute(text)  # type: ignore[call-overload]  # made here, of nothing from outside

    def close(self) -> None:
        """Leave the schema, empty, to the next test, for to create one takes longer than most tests; or remove it."""
        for connection in self._lent:
            connection.close()
        for storage in self._opened:
            storage.close()
        if self._layout is not None and self._layout == self._layout_now() and self._emptied():
            _left[self._server].append((self._schema, self._layout))
        else:
            self._execute(f"DROP SCHEMA IF EXISTS {self._schema} CASCADE")

    def _layout_now(self) -> object:
        """Return what changes with every change to a table or a right of this schema."""
        here = f"(SELECT oid FROM pg_namespace WHERE nspname = '{self._schema}' AND nspacl IS NULL)"
        return self._execute(
            "SELECT (SELECT sum(hashtext(oid || 'r' || xmin)) FROM pg_class WHERE relnamespace = s.oid),"
            " (SELECT sum(hashtext(oid || 'c' || xmin)) FROM pg_constraint WHERE connamespace = s.oid),"
            " (SELECT sum(hashtext(attrelid || attname || pg_attribute.xmin)) FROM pg_attribute"
            "  JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = s.oid)"
            f" FROM {here} AS s"
        ).fetchone()

    def _emptied(self) -> bool:
        """Remove all rows, unless they are many."""
        if self._execute(f"SELECT 1 FROM {self._schema}.job OFFSET 1000 LIMIT 1").fetchall():
            return False
        tables = "; ".join(f"DELETE FROM {self._schema}.{table}" for table in TABLES)
        self._execute(tables)
        self._execute(
            "SELECT setval(oid, 1, false) FROM pg_class"
            f" WHERE relkind = 'S' AND relnamespace = '{self._schema}'::regnamespace"
        )
        return True


_left: dict[str, list[tuple[str, object]]] = defaultdict(list)
"""Of each server the empty schemas that tests have left, and the layout that each has."""


@functools.cache
def _hands(server: str) -> psycopg.Connection[Any]:
    return psycopg.connect(server, autocommit=True)


def debians_postgres(directory: Path) -> Backend:
    """Return a database of Debian's own server, an older one."""
    return PostgresBackend(directory, debians())


BACKENDS: dict[str, Callable[[Path], Backend]] = {"postgres": PostgresBackend, "sqlite": SqliteBackend}
"""The name of each backend and how to make an empty database of it, given a directory of one's own."""

EVERY_VERSION = BACKENDS | ({"postgres-debian": debians_postgres} if debians() else {})
"""For the contract suite: those, and Debian's own PostgreSQL where it is installed."""
