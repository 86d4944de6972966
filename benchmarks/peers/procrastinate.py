"""procrastinate on PostgreSQL."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from benchmarks import servers
from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, Store, expect
from benchmarks.peers.installing import Packaged, program
from benchmarks.peers.running import APPLICATION, running
from benchmarks.peers.sql import Database

CONCURRENCY = 10


def application(url: str) -> Any:
    """Return the application on a database, as its workers use it."""
    from procrastinate import PsycopgConnector

    return _declared(PsycopgConnector(conninfo=url))[0]


def _declared(connector: Any) -> tuple[Any, dict[str, Any]]:
    """Return an application and its tasks: coroutines, since others are each run in a thread."""
    from procrastinate import App

    app = App(connector=connector)
    return app, {kind: app.task(name=kind)(_coroutine(body)) for kind, body in BODIES.items()}


def _coroutine(body: Callable[..., None]) -> Callable[..., Any]:
    async def run(**arguments: int) -> None:
        body(**arguments)

    return run


class Procrastinate(Packaged):
    """As documented."""

    name = "procrastinate"
    distribution = "procrastinate"
    store: Store = "postgres"
    durable = True
    settings = f"{servers.POSTGRES_SETTINGS}; async tasks, --concurrency {CONCURRENCY}"
    pace = 500

    def missing(self) -> str | None:
        return super().missing() or servers.no_postgres()

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        from procrastinate import SyncPsycopgConnector

        with servers.database() as url:
            app, tasks = _declared(SyncPsycopgConnector(conninfo=url))
            with app.open(), contextlib.closing(Database(url)) as rows:
                app.schema_manager.apply_schema()
                yield _Arena(url, tasks, rows)


class _Arena:
    def __init__(self, url: str, tasks: dict[str, Any], rows: Database) -> None:
        self._url = url
        self._tasks = tasks
        self._rows = rows

    def enqueue(self, job: Job) -> None:
        self._tasks[job.kind].defer(**job.arguments)

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        for kind, alike in itertools.groupby(jobs, lambda job: job.kind):
            self._tasks[kind].batch_defer(*(job.arguments for job in alike))

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        command = [program("procrastinate"), "--app", f"{APPLICATION}.app", "worker", "--concurrency", str(CONCURRENCY)]
        return running(
            [command] * workers,
            contestant=__name__, store=self._url,
            ready=lambda: self._rows.count("procrastinate_workers") == workers,
        )  # fmt: skip

    def done(self) -> int:
        return self._rows.count("procrastinate_jobs WHERE status = 'succeeded'")

    def recorded(self) -> list[float]:
        return self._rows.commits("procrastinate_events WHERE type = 'succeeded' ORDER BY job_id")

    def check_once(self, jobs: int) -> None:
        expect(
            jobs, done=self.done(), rows=self._rows.count("procrastinate_jobs"),
            ends_in_the_log=self._rows.count("procrastinate_events WHERE type = 'succeeded'"),
        )  # fmt: skip
