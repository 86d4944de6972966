"""pgqueuer on PostgreSQL, a process for each worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import psycopg

from benchmarks import servers
from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, Store, expect
from benchmarks.peers.installing import Packaged, program
from benchmarks.peers.running import APPLICATION, running


def application(url: str) -> Callable[[], AbstractAsyncContextManager[Any]]:
    """Return what makes the application on a database, in a worker."""

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[Any]:
        from pgqueuer import PgQueuer
        from pgqueuer.db import PsycopgDriver

        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            queuer = PgQueuer(PsycopgDriver(connection))
            for kind, body in BODIES.items():
                queuer.entrypoint(kind)(_entrypoint(body))
            yield queuer

    return make


def _entrypoint(body: Callable[..., None]) -> Callable[[Any], Any]:
    async def run(job: Any) -> None:
        body(**json.loads(job.payload or b"{}"))

    return run


async def _install(url: str) -> None:
    from pgqueuer.db import PsycopgDriver
    from pgqueuer.queries import Queries

    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await Queries(PsycopgDriver(connection)).install()


class Pgqueuer(Packaged):
    """As documented, jobs taken in batches; the functions are coroutines, which it runs without threads."""

    distribution = "pgqueuer"
    store: Store = "postgres"
    durable = True

    def __init__(self, batch: int, pace: int) -> None:
        self.name = f"pgqueuer (batch {batch})"
        self.settings = f"pgq run --batch-size {batch}, one command a process; {servers.POSTGRES_SETTINGS}"
        self.pace = pace
        self._batch = batch

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        with servers.database() as url:
            asyncio.run(_install(url))
            with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
                yield _Arena(url, connection, self._batch)


class _Arena:
    def __init__(self, url: str, connection: psycopg.Connection[Any], batch: int) -> None:
        from pgqueuer.db import SyncPsycopgDriver
        from pgqueuer.queries import SyncQueries

        self._url = url
        self._rows = connection
        self._queries = SyncQueries(SyncPsycopgDriver(connection))
        self._batch = batch

    def enqueue(self, job: Job) -> None:
        self._queries.enqueue(job.kind, json.dumps(job.arguments).encode())

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        payloads = [json.dumps(job.arguments).encode() for job in jobs]
        self._queries.enqueue([job.kind for job in jobs], payloads, [0] * len(jobs))

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        command = [
            program("pgq"),
            "run",
            f"{APPLICATION}:app",
            "--batch-size",
            str(self._batch),
        ]
        return running([command] * workers, contestant=__name__, store=self._url, processes=workers)

    def _count(self, sql: str) -> int:
        return int(self._rows.execute(sql).fetchall()[0][0])

    def done(self) -> int:
        return self._count("SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'")

    def recorded(self) -> list[float]:
        commit = "extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8"
        rows = self._rows.execute(f"SELECT {commit} FROM pgqueuer_log WHERE status = 'successful' ORDER BY job_id")  # noqa: S608 - a constant
        return [instant for (instant,) in rows]

    def check_once(self, jobs: int) -> None:
        distinct = self._count("SELECT count(DISTINCT job_id) FROM pgqueuer_log WHERE status = 'successful'")
        expect(jobs, successful=self.done(), distinct=distinct)
