"""forge-jobs itself, as the README says to use it: nothing is tuned."""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import apsw

from benchmarks import servers
from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, Store, expect
from benchmarks.peers.running import APPLICATION, running
from benchmarks.peers.sql import Database
from forge_jobs import ForgeJobs
from forge_jobs.storage import open_storage

_COMMAND = [sys.executable, "-m", "forge_jobs_supervisor", "supervise", "--app", f"{APPLICATION}:app", "--workers"]


def application(url: str) -> ForgeJobs:
    """Return the application that is measured, on a database."""
    jobs = ForgeJobs(url)
    for body in BODIES.values():
        jobs.handler(body)
    return jobs


def _make(url: str) -> None:
    with contextlib.closing(open_storage(url)) as storage:
        storage.schema.create()


class _Forge:
    durable = True

    def version(self) -> str:
        return importlib.metadata.version("forge-jobs")


class ForgeSqlite(_Forge):
    """On a SQLite file."""

    name = "forge-jobs (SQLite)"
    store: Store = "sqlite"
    settings = "defaults: synchronous=FULL"
    pace = 35_000

    def missing(self) -> str | None:
        return None

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        with tempfile.TemporaryDirectory(prefix="fj-bench-") as directory:
            url = f"sqlite:///{Path(directory, 'queue.sqlite')}"
            _make(url)
            with contextlib.closing(_File(url)) as rows, contextlib.closing(application(url)) as jobs:
                yield ForgeArena(url, jobs, rows)


class ForgePostgres(_Forge):
    """On a PostgreSQL server."""

    name = "forge-jobs (Postgres)"
    store: Store = "postgres"
    settings = f"defaults: {servers.POSTGRES_SETTINGS}"
    pace = 20_000

    def missing(self) -> str | None:
        return servers.no_postgres()

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        with servers.database() as url:
            _make(url)
            with contextlib.closing(_Server(url)) as rows, contextlib.closing(application(url)) as jobs:
                yield ForgeArena(url, jobs, rows)


class _Rows(Protocol):
    """A database, read past the queue: what it says is what is stored."""

    def rows(self, sql: str) -> list[Any]: ...

    def recorded(self) -> list[float] | None: ...


class _File:
    def __init__(self, url: str) -> None:
        self._connection = apsw.Connection(url.removeprefix("sqlite:///"), flags=apsw.SQLITE_OPEN_READWRITE)
        self._connection.set_busy_timeout(10_000)

    def rows(self, sql: str) -> list[Any]:
        return self._connection.execute(sql).fetchall()

    def recorded(self) -> None:
        """SQLite keeps no time of a commit."""

    def close(self) -> None:
        self._connection.close()


class _Server:
    def __init__(self, url: str) -> None:
        self._database = Database(url, options="-c search_path=forge_jobs")
        self.rows = self._database.rows
        self.close = self._database.close

    def recorded(self) -> list[float]:
        return self._database.commits("job WHERE status = 'done' ORDER BY seq")


class ForgeArena:
    """A database of forge-jobs, at ``url``."""

    def __init__(self, url: str, jobs: ForgeJobs, rows: _Rows) -> None:
        self.url = url
        self._jobs = jobs
        self._rows = rows
        self.recorded = rows.recorded

    def enqueue(self, job: Job) -> None:
        self._jobs.enqueue(job.kind, job.arguments)

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        self._jobs.enqueue_bulk([(job.kind, job.arguments) for job in jobs])

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        return running(
            [[*_COMMAND, str(workers)]],
            contestant=__name__, store=self.url,
            ready=lambda: self._rows.rows("SELECT count(*) FROM process") == [(workers,)],
        )  # fmt: skip

    def done(self) -> int:
        ((done,),) = self._rows.rows("SELECT coalesce(sum(change), 0) FROM tally WHERE outcome = 'done'")
        return int(done)

    def check_once(self, jobs: int) -> None:
        ((rows, ids, done, attempts),) = self._rows.rows(
            "SELECT count(*), count(DISTINCT id), count(CASE WHEN status = 'done' THEN 1 END), sum(attempts) FROM job"
        )
        expect(jobs, rows=rows, ids=ids, done=done, attempts=attempts, recorded=self.done())
