"""procrastinate on PostgreSQL, a process for each worker."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import psycopg

from benchmarks import servers
from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, Store, expect
from benchmarks.peers.installing import Packaged, program
from benchmarks.peers.running import APPLICATION, running


def application(url: str) -> Any:
    """Return the application on a database, for its workers."""
    from procrastinate import App, PsycopgConnector

    return _declared(App(connector=PsycopgConnector(conninfo=url)))


def _declared(app: Any) -> Any:
    for kind, body in BODIES.items():
        app.task(name=kind)(_task(body))
    return app


def _task(body: Callable[..., None]) -> Callable[..., Any]:
    async def run(**arguments: Any) -> None:
        body(**arguments)

    return run


class Procrastinate(Packaged):
    """As documented: one command a process, one job at a time, woken by NOTIFY; coroutines, which need no threads."""

    name = "procrastinate"
    distribution = "procrastinate"
    store: Store = "postgres"
    durable = True
    settings = f"concurrency 1 a process; {servers.POSTGRES_SETTINGS}"
    pace = 500

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        from procrastinate import App, SyncPsycopgConnector

        with servers.database() as url:
            app = _declared(App(connector=SyncPsycopgConnector(conninfo=url)))
            with app.open(), contextlib.closing(psycopg.connect(url, autocommit=True)) as rows:
                app.schema_manager.apply_schema()
                yield _Arena(url, app, rows)


class _Arena:
    def __init__(self, url: str, app: Any, rows: psycopg.Connection[Any]) -> None:
        self._url = url
        self._app = app
        self._rows = rows

    def enqueue(self, job: Job) -> None:
        self._app.tasks[job.kind].defer(**job.arguments)

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        self._app.tasks[jobs[0].kind].batch_defer(*[job.arguments for job in jobs])

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        command = [program("procrastinate"), "--app", f"{APPLICATION}.app", "worker", "--concurrency", "1"]
        return running([command] * workers, contestant=__name__, store=self._url, processes=workers)

    def _count(self, where: str) -> int:
        rows = self._rows.execute(f"SELECT count(*) FROM procrastinate_jobs WHERE {where}").fetchall()  # noqa: S608 - a constant
        return int(rows[0][0])

    def done(self) -> int:
        return self._count("status = 'succeeded'")

    def recorded(self) -> list[float]:
        commit = "extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8"
        rows = self._rows.execute(f"SELECT {commit} FROM procrastinate_jobs WHERE status = 'succeeded' ORDER BY id")  # noqa: S608 - a constant
        return [instant for (instant,) in rows]

    def check_once(self, jobs: int) -> None:
        expect(jobs, succeeded=self.done(), rows=self._count("true"), attempted_once=self._count("attempts = 1"))
