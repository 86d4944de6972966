"""oban (for Python) on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from benchmarks import servers
from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, Store, expect
from benchmarks.peers.installing import Packaged, program
from benchmarks.peers.running import APPLICATION, running
from benchmarks.peers.sql import Database

LIMIT = 10


def application(_url: str) -> dict[str, Any]:
    """Return the jobs by their kind; the database is an option of the worker's command."""
    from oban import job

    return {kind: job()(body) for kind, body in BODIES.items()}


class Oban(Packaged):
    """As documented; the open-source edition."""

    name = "oban"
    distribution = "oban"
    store: Store = "postgres"
    durable = True
    settings = f"{servers.POSTGRES_SETTINGS}; --queues default:{LIMIT}"
    pace = 2_500

    def missing(self) -> str | None:
        return super().missing() or servers.no_postgres()

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        from oban import Oban as Client
        from oban.schema import install
        from psycopg_pool import AsyncConnectionPool

        async def prepare(url: str) -> Any:
            pool = AsyncConnectionPool(url, open=False)
            await pool.open(wait=True)
            await install(pool)
            return pool

        with servers.database() as url, asyncio.Runner() as runner:
            pool = runner.run(prepare(url))
            try:
                with contextlib.closing(Database(url)) as rows:
                    yield _Arena(url, runner, Client(pool=pool), rows)
            finally:
                runner.run(pool.close())


class _Arena:
    def __init__(self, url: str, runner: asyncio.Runner, client: Any, rows: Database) -> None:
        self._url = url
        self._runner = runner
        self._client = client
        self._jobs = application(url)
        self._rows = rows

    def enqueue(self, job: Job) -> None:
        self._runner.run(self._client.enqueue(self._jobs[job.kind].new(**job.arguments)))

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        self._runner.run(self._client.enqueue_many([self._jobs[job.kind].new(**job.arguments) for job in jobs]))

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        command = [program("oban"), "start", "--dsn", self._url, "--queues", f"default:{LIMIT}"]
        return running(
            [[*command, "--cron-modules", APPLICATION, "--log-level", "WARNING"]] * workers,
            contestant=__name__, store=self._url,
            ready=lambda: self._rows.count("oban_producers") == workers,
        )  # fmt: skip

    def done(self) -> int:
        return self._rows.count("oban_jobs WHERE state = 'completed'")

    def recorded(self) -> list[float]:
        return self._rows.commits("oban_jobs WHERE state = 'completed' ORDER BY id")

    def check_once(self, jobs: int) -> None:
        expect(
            jobs, done=self.done(), rows=self._rows.count("oban_jobs"),
            at_the_first_attempt=self._rows.count("oban_jobs WHERE state = 'completed' AND attempt = 1"),
        )  # fmt: skip
