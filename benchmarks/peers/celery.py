"""celery's prefork pool on Redis."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from benchmarks import servers
from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, NoBulk, Store, expect
from benchmarks.peers.installing import Packaged, program
from benchmarks.peers.running import APPLICATION, running

PREFETCH = 64
_RESULTS = 1
"""The number of the Redis database in which results are, and nothing else."""


def application(socket: str) -> Any:
    """Return the application as its workers use it: it stores results, which are what tells who is done."""
    return _declared(socket, backend=f"redis+socket://{socket}?virtual_host={_RESULTS}")[0]


def _declared(socket: str, backend: str | None) -> tuple[Any, dict[str, Any]]:
    from celery import Celery

    app = Celery("bench", broker=f"redis+socket://{socket}", backend=backend, set_as_current=False)
    app.conf.update(worker_prefetch_multiplier=PREFETCH, broker_connection_retry_on_startup=True)
    return app, {kind: app.task(name=kind)(body) for kind, body in BODIES.items()}


class Celery(Packaged):
    """As documented, tuned for many short tasks; a job is acknowledged before it runs, as by default."""

    name = "celery prefork"
    distribution = "celery"
    needs = ("redis",)
    store: Store = "redis"
    durable = True
    settings = (
        f"{servers.REDIS_SETTINGS}; acknowledged before it runs; prefetch multiplier {PREFETCH}, "
        "no gossip, mingle, heartbeat; results stored, not awaited by the producer"
    )
    pace = 900

    def missing(self) -> str | None:
        return super().missing() or servers.no_redis()

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        from redis import Redis

        with (
            servers.redis() as socket,
            Redis(unix_socket_path=str(socket)) as client,
            Redis(unix_socket_path=str(socket), db=_RESULTS) as results,
        ):
            app, tasks = _declared(str(socket), backend=None)
            with app:
                yield _Arena(str(socket), tasks, client, results)


class _Arena:
    def __init__(self, socket: str, tasks: dict[str, Any], client: Any, results: Any) -> None:
        self._socket = socket
        self._tasks = tasks
        self._client = client
        self._results = results

    def enqueue(self, job: Job) -> None:
        self._tasks[job.kind].apply_async(kwargs=job.arguments)

    def enqueue_bulk(self, _jobs: Sequence[Job]) -> None:
        raise NoBulk("celery's groups send one by one")

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        command = [program("celery"), "--app", f"{APPLICATION}:app", "worker", "--concurrency", str(workers), *alone]
        return running(
            [command],
            contestant=__name__, store=self._socket,
            processes=1 + workers,
            ready=lambda: self.done() > 0 or self._client.info("clients")["blocked_clients"] > 0,
        )  # fmt: skip

    def done(self) -> int:
        return int(self._results.dbsize())

    def recorded(self) -> None:
        """Redis keeps no time of a write."""

    def check_once(self, jobs: int) -> None:
        keys = list(self._results.scan_iter(count=1000))
        good = sum(b'"SUCCESS"' in (result or b"") for result in self._results.mget(keys)) if keys else 0
        expect(jobs, results=len(keys), successes=good, results_and_waiting=len(keys) + self._client.llen("celery"))
