"""pebble's ProcessPool."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.peers.base import Arena, Job, Store
from benchmarks.peers.in_memory import Memory, Note, Pool, run
from benchmarks.peers.installing import Packaged


class Pebble(Packaged):
    """As documented; ``map`` with its default chunk of one job schedules one by one too."""

    name = "pebble"
    distribution = "pebble"
    store: Store = "memory"
    durable = False
    settings = "defaults"
    pace = 20_000

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        yield Memory(_start)


@contextlib.contextmanager
def _start(workers: int) -> Iterator[Pool]:
    from pebble import ProcessPool

    pool = ProcessPool(max_workers=workers)
    try:
        yield _Pool(pool)
    finally:
        pool.stop()
        pool.join()


class _Pool:
    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def submit(self, job: Job, note: Note) -> None:
        self._pool.schedule(run, args=(job,)).add_done_callback(
            lambda future: None if future.cancelled() else note(future.result())
        )

    def submit_all(self, jobs: Iterable[Job], note: Note) -> None:
        for job in jobs:
            self.submit(job, note)
