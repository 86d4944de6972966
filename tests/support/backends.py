"""The databases that the contract suite runs on. Another one is another class here, and one more line in BACKENDS."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import apsw
import psycopg

from forge_jobs.clock import Clock
from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.postgres.storage import PostgresStorage
from forge_jobs.storage.sqlite import turnstile
from forge_jobs.storage.sqlite.database import turnstile_file
from forge_jobs.storage.sqlite.lifelock import hosts_file
from forge_jobs.storage.sqlite.turnstile import flock_record
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
        self._schema = f"t{os.urandom(6).hex()}"
        self._server = server_url(programs)
        self.url = having(self._server, schema=self._schema)
        self._opened: list[PostgresStorage] = []
        self._lent: list[psycopg.Connection[Any]] = []
        self._hands: psycopg.Connection[Any] | None = None
        self._lives = 0

    def open(self, clock: Clock) -> Storage:
        """Return one more storage of the same schema, which is created first."""
        storage = self.blank(clock)
        storage.schema.create()
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

    def _execute(self, text: str) -> None:
        if self._hands is None:
            self._hands = psycopg.connect(self._server, autocommit=True)
        self._hands.execute(text)  # type: ignore[arg-type]  # made here, of nothing from outside

    def close(self) -> None:
        """Remove the schema."""
        for connection in self._lent:
            connection.close()
        self._execute(f"DROP SCHEMA IF EXISTS {self._schema} CASCADE")
        if self._hands is not None:
            self._hands.close()
        for storage in self._opened:
            storage.close()


def debians_postgres(directory: Path) -> Backend:
    """Return a database of Debian's own server, an older one."""
    return PostgresBackend(directory, debians())


BACKENDS: dict[str, Callable[[Path], Backend]] = {"postgres": PostgresBackend, "sqlite": SqliteBackend}
"""The name of each backend and how to make an empty database of it, given a directory of one's own."""

EVERY_VERSION = BACKENDS | ({"postgres-debian": debians_postgres} if debians() else {})
"""For the contract suite: those, and Debian's own PostgreSQL where it is installed."""
