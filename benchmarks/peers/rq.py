"""rq on Redis."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from benchmarks import servers
from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, Store, expect
from benchmarks.peers.installing import Packaged, program
from benchmarks.peers.running import running


class Rq(Packaged):
    """As documented, with the worker that is the default."""

    name = "rq"
    distribution = "rq"
    store: Store = "redis"
    durable = True
    settings = f"{servers.REDIS_SETTINGS}; default worker, which forks for every job; --quiet"
    pace = 90

    def missing(self) -> str | None:
        return super().missing() or servers.no_redis()

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        from redis import Redis
        from rq import Queue

        with servers.redis() as socket, Redis(unix_socket_path=str(socket)) as client:
            yield _Arena(f"unix://{socket}", client, Queue(connection=client))


class _Arena:
    def __init__(self, url: str, client: Any, queue: Any) -> None:
        self._url = url
        self._client = client
        self._queue = queue

    def enqueue(self, job: Job) -> None:
        self._queue.enqueue(BODIES[job.kind], kwargs=job.arguments)

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        self._queue.enqueue_many([self._queue.prepare_data(BODIES[job.kind], kwargs=job.arguments) for job in jobs])

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        return running(
            [[program("rq"), "worker", "--url", self._url, "--quiet"]] * workers,
            ready=lambda: self.done() > 0 or self._client.info("clients")["blocked_clients"] == workers,
        )

    def done(self) -> int:
        return int(self._queue.finished_job_registry.get_job_count(cleanup=False))

    def recorded(self) -> None:
        """Redis keeps no time of a write."""

    def check_once(self, jobs: int) -> None:
        failed = self._queue.failed_job_registry.get_job_count(cleanup=False)
        expect(jobs, finished=self.done(), finished_failed_and_waiting=self.done() + failed + self._queue.count)
