"""dramatiq on Redis."""

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

_QUEUE = "dramatiq:default"


def application(url: str) -> Any:
    """Return the broker, as the workers' command needs it."""
    return _declared(url)[0]


def _declared(url: str) -> tuple[Any, dict[str, Any]]:
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker

    broker = RedisBroker(url=url)
    return broker, {kind: dramatiq.actor(body, actor_name=kind, broker=broker) for kind, body in BODIES.items()}


class Dramatiq(Packaged):
    """As documented."""

    name = "dramatiq"
    distribution = "dramatiq"
    needs = ("redis",)
    store: Store = "redis"
    durable = True
    settings = f"{servers.REDIS_SETTINGS}; --processes N, 8 threads each as by default"
    pace = 3_000

    def missing(self) -> str | None:
        return super().missing() or servers.no_redis()

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        from redis import Redis

        with servers.redis() as socket, Redis(unix_socket_path=str(socket)) as client:
            url = f"unix://{socket}"
            broker, actors = _declared(url)
            with contextlib.closing(broker):
                yield _Arena(url, actors, client)


class _Arena:
    def __init__(self, url: str, actors: dict[str, Any], client: Any) -> None:
        self._url = url
        self._actors = actors
        self._client = client
        self._enqueued = 0

    def enqueue(self, job: Job) -> None:
        self._actors[job.kind].send(**job.arguments)
        self._enqueued += 1

    def enqueue_bulk(self, _jobs: Sequence[Job]) -> None:
        raise NoBulk("dramatiq's groups send one by one")

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        command = [program("dramatiq"), f"{APPLICATION}:app", "--processes", str(workers)]
        return running(
            [command],
            contestant=__name__, store=self._url,
            ready=lambda: self._client.zcard("dramatiq:__heartbeats__") >= workers,
        )  # fmt: skip

    def done(self) -> int:
        """Return how many of the enqueued are not in the store any more: what is done is removed, and only that."""
        return self._enqueued - int(self._client.hlen(f"{_QUEUE}.msgs")) - self._given_up()

    def _given_up(self) -> int:
        return int(self._client.zcard(f"{_QUEUE}.XQ"))

    def recorded(self) -> None:
        """Redis keeps no time of a write."""

    def check_once(self, jobs: int) -> None:
        expect(jobs, enqueued=self._enqueued, removed=self.done())
