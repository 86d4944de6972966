"""The Checkup port: whether the file is in a good place, and sound."""

from __future__ import annotations

import os
import shutil
import stat
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw

from forge_jobs.clock import monotonic
from forge_jobs.model import checks
from forge_jobs.model.checks import Check, Level
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.opening import file_system_of
from forge_jobs.storage.sqlite.rows import text

SYNCS = 20
_PAGE = 4096


class SqliteCheckup:
    """Looks at the file and its directory; writes only a file of its own beside it, which it removes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def checks(self, *, deep: bool) -> Iterator[Check]:
        """Give what was found; ``deep`` reads the whole file."""
        path = self._database.path
        usage = shutil.disk_usage(path.parent)
        yield checks.file_system(file_system_of(path), str(path))
        yield checks.free_space(usage.free, usage.total)
        yield _sync_cost(path.parent)
        yield _modes(path)
        log = path.with_name(path.name + "-wal")
        yield checks.log_size(log.stat().st_size if log.exists() else 0)
        with self._database.reading() as connection:
            yield _journal(str(connection.pragma("journal_mode")))
        if deep:
            yield self._soundness()

    def broken(self, rule: str, limit: int) -> list[tuple[str | None, str]]:
        """Return at most ``limit`` rows that break a rule: the job's id, if it is one, and how."""
        with self._database.reading() as connection:
            rows = self._database.run(connection, f"broken_{rule}", (limit,))
        return [(None if job_id is None else text(job_id), told) for job_id, told in rows]

    def _soundness(self) -> Check:
        """Check the file on a connection of its own, which may take as long as it takes."""
        with self._database.translating():
            connection = apsw.Connection(str(self._database.path), flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                found = [str(row[0]) for row in connection.execute(statement("sqlite", "integrity_check"))]
            finally:
                connection.close()
        if found == ["ok"]:
            return Check(name="integrity", told="the file is sound")
        told = f"the file is damaged: {'; '.join(found[:3])}"
        way_out = "stop all programs, keep a copy, then forge-jobs-db copy into a new file"
        return Check(name="integrity", level=Level.PROBLEM, told=told, way_out=way_out)


def _sync_cost(directory: Path) -> Check:
    took = []
    try:
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".forge-jobs-doctor-") as file:
            for _ in range(SYNCS):
                file.write(b"\0" * _PAGE)
                file.flush()
                begun = monotonic()
                os.fsync(file.fileno())
                took.append(monotonic() - begun)
    except OSError as error:
        told = f"nothing can be written into {directory}: {error.strerror}"
        return Check(name="fsync", level=Level.PROBLEM, told=told, way_out="make room, or give the right to write")
    return checks.sync_cost(statistics.median(took))


def _modes(path: Path) -> Check:
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid():
        told = f"{path} belongs to another user (uid {status.st_uid}): those who share it must all be able to write"
        return Check(name="file mode", level=Level.WARNING, told=told, way_out="run everything as one user")
    if mode & 0o077:
        told = f"{path} can be read or changed by others (mode {mode:o}): payloads are in it"
        return Check(name="file mode", level=Level.WARNING, told=told, way_out=f"chmod 600 {path}*")
    return Check(name="file mode", told=f"only its owner can read it (mode {mode:o})")


def _journal(mode: str) -> Check:
    if mode == "wal":
        return Check(name="journal", told="write-ahead log, synchronized at every commit")
    told = f"the journal mode is {mode}: readers and writers stand in each other's way"
    return Check(
        name="journal", level=Level.PROBLEM, told=told, way_out="stop all programs, then: PRAGMA journal_mode=wal"
    )
