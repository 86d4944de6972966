"""What processes use, and what databases count, read from outside: nothing that is watched does more for it."""

from __future__ import annotations

import contextlib
import re
import struct
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import psutil

from benchmarks import servers
from benchmarks.suite.application import STATEMENTS
from benchmarks.suite.database import connect
from benchmarks.suite.farms import Database, environment

# -- processes ----------------------------------------------------------------------------------------------------


def cpu(processes: Iterable[psutil.Process]) -> float:
    """Return the seconds that all threads of the processes have run so far, by the scheduler's nanoseconds.

    A thread that has ended no longer counts, so watch only processes that start none.
    """
    return sum(_thread_cpu(thread) for process in processes for thread in _threads(process.pid))


def _threads(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return []


def _thread_cpu(thread: Path) -> float:
    try:
        return int(Path(thread, "schedstat").read_text().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


class Memory(NamedTuple):
    """Megabytes (10⁶ bytes) of a process: pages that it alone has, and those that others map too."""

    private: float
    shared: float


def memory(process: psutil.Process) -> Memory:
    """Return what a process has resident."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    size = {name: int(kib) * 1024 / 1e6 for name, kib in re.findall(r"^(\w+): +(\d+) kB$", rollup, re.MULTILINE)}
    private = size["Private_Clean"] + size["Private_Dirty"]
    return Memory(private=private, shared=size["Rss"] - private)


# -- writes -------------------------------------------------------------------------------------------------------


class Written(NamedTuple):
    """What a database has written: transactions that wrote, and bytes of its log."""

    commits: int
    bytes: int

    def since(self, before: Written) -> Written:
        """Return the difference."""
        return Written(self.commits - before.commits, self.bytes - before.bytes)


class Log(Protocol):
    """The write-ahead log of a database."""

    def written(self) -> Written: ...


@contextlib.contextmanager
def log_of(database: Database) -> Iterator[Log]:
    """Watch the log of a database in the block."""
    with contextlib.ExitStack() as stack:
        yield _SqliteLog(database, stack) if database.url.startswith("sqlite:") else _PostgresLog(database)


class _SqliteLog:
    """The log's file, read frame by frame: the last frame of a transaction says so.

    A reader's snapshot is held all the while. So the log is never begun anew, and no frame is lost. What is written
    just before makes sure that the snapshot is in the log; one that is in the file alone would not hold the log.
    """

    _HEADER = struct.Struct(">8I")
    _FRAME = struct.Struct(">2I8s8x")

    def __init__(self, database: Database, stack: contextlib.ExitStack) -> None:
        reader = stack.enter_context(contextlib.closing(connect(database.url)))
        ((version,),) = database.rows("PRAGMA user_version")
        reader.execute(f"PRAGMA user_version = {version}")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        self._path = Path(f"{database.url.removeprefix('sqlite:///')}-wal")
        self._salt = self._path.read_bytes()[16:24]

    def written(self) -> Written:
        """Return the commits and bytes of the log as it is; a transaction that is being written does not count."""
        log = self._path.read_bytes()
        if log[16:24] != self._salt:
            raise RuntimeError("the log was begun anew while it was watched")
        page = self._HEADER.unpack_from(log)[2]
        commits = end = 0
        for at in range(self._HEADER.size, len(log) - page - self._FRAME.size + 1, page + self._FRAME.size):
            _number, pages_after, theirs = self._FRAME.unpack_from(log, at)
            if theirs != self._salt:
                break  # left over from before the log was begun anew
            if pages_after:
                commits, end = commits + 1, at + page + self._FRAME.size
        return Written(commits, end)


class _PostgresLog:
    """The server's position in its log, and its count of transactions that have an id: those that write.

    No other database of the server is written to meanwhile, but the server's own upkeep counts.
    """

    def __init__(self, database: Database) -> None:
        self._rows = database.rows

    def written(self) -> Written:
        ((commits, position),) = self._rows(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint,"
            " (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"
        )
        return Written(int(commits), int(position))


# -- statements ---------------------------------------------------------------------------------------------------


class Statements(Protocol):
    """How many statements a database is sent, those aside that only hold others together."""

    def so_far(self) -> int: ...


@contextlib.contextmanager
def statements_of(database: Database) -> Iterator[Statements]:
    """Count the statements of the farms that are started in the block."""
    if not database.url.startswith("sqlite:"):
        yield _Logged(database)
        return
    with tempfile.NamedTemporaryFile(prefix="fj-statements-") as file, environment(**{STATEMENTS: file.name}):
        yield _Counted(Path(file.name))


class _Counted:
    """SQLite tells nobody what it is asked, so each process of the farm notes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def so_far(self) -> int:
        return self._path.stat().st_size


class _Logged:
    """The server logs each one of the database's."""

    _LINE = re.compile(rb"LOG:  (?:statement|execute [^:]*): (?!BEGIN|COMMIT|ROLLBACK)")

    def __init__(self, database: Database) -> None:
        ((name,),) = database.rows("SELECT current_database()")
        database.connection.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
        self._path = Path(servers.postgres().directory, "log")

    def so_far(self) -> int:
        return len(self._LINE.findall(self._path.read_bytes()))


def server_processes() -> list[psutil.Process]:
    """Return the processes of the PostgreSQL server, its sessions' included."""
    return servers.postgres().processes
