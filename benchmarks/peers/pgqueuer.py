"""pgqueuer on PostgreSQL, by asyncpg."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import msgspec

from benchmarks import servers
from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, Store, expect
from benchmarks.peers.installing import Packaged, program
from benchmarks.peers.running import APPLICATION, running
from benchmarks.peers.sql import Database


def application(url: str) -> Callable[[], AbstractAsyncContextManager[Any]]:
    """Return what makes the application on a database."""

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[Any]:
        import asyncpg
        from pgqueuer import PgQueuer
        from pgqueuer.db import AsyncpgDriver

        connection = await asyncpg.connect(url)
        queuer = PgQueuer(AsyncpgDriver(connection))
        for kind, body in BODIES.items():
            queuer.entrypoint(kind)(_coroutine(body))
        yield queuer
        await connection.close()

    return make


def _coroutine(body: Callable[..., None]) -> Callable[[Any], Awaitable[None]]:
    async def run(job: Any) -> None:
        body(**msgspec.json.decode(job.payload))

    return run


class Pgqueuer(Packaged):
    """As documented, with so many jobs fetched at once."""

    distribution = "pgqueuer"
    needs = ("asyncpg",)
    store: Store = "postgres"
    durable = True

    def __init__(self, batch: int, pace: int) -> None:
        self._batch = batch
        self.name = f"pgqueuer (batch {batch})"
        self.settings = f"{servers.POSTGRES_SETTINGS}; asyncpg, --batch-size {batch}"
        self.pace = pace

    def missing(self) -> str | None:
        return super().missing() or servers.no_postgres()

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        import asyncpg
        from pgqueuer.db import AsyncpgDriver
        from pgqueuer.queries import Queries

        with servers.database() as url, asyncio.Runner() as runner:
            connection = runner.run(asyncpg.connect(url))
            queries = Queries(AsyncpgDriver(connection))
            runner.run(queries.install())
            try:
                with contextlib.closing(Database(url)) as rows:
                    yield _Arena(url, self._batch, runner, queries, rows)
            finally:
                runner.run(connection.close())


class _Arena:
    def __init__(self, url: str, batch: int, runner: asyncio.Runner, queries: Any, rows: Database) -> None:
        self._url = url
        self._batch = batch
        self._runner = runner
        self._queries = queries
        self._rows = rows

    def enqueue(self, job: Job) -> None:
        self._runner.run(self._queries.enqueue(job.kind, msgspec.json.encode(job.arguments)))

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        kinds, payloads = [job.kind for job in jobs], [msgspec.json.encode(job.arguments) for job in jobs]
        self._runner.run(self._queries.enqueue(kinds, payloads, [0] * len(jobs)))

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        command = [program("pgq"), "run", f"{APPLICATION}:app", "--batch-size", str(self._batch)]
        return running(
            [command] * workers,
            contestant=__name__, store=self._url,
            ready=lambda: self.done() > 0 or self._rows.at_rest(1 + workers),
        )  # fmt: skip

    def done(self) -> int:
        return self._rows.count("pgqueuer_log WHERE status = 'successful'")

    def recorded(self) -> list[float]:
        return self._rows.commits("pgqueuer_log WHERE status = 'successful' ORDER BY job_id")

    def check_once(self, jobs: int) -> None:
        done = self.done()
        expect(
            jobs, done=done, distinct=self._rows.count("(SELECT DISTINCT job_id FROM pgqueuer_log) AS job"),
            done_and_waiting=done + self._rows.count("pgqueuer"),
        )  # fmt: skip
