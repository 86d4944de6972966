"""concurrent.futures.ProcessPoolExecutor, of the standard library."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

from benchmarks.peers.base import Arena, Job
from benchmarks.peers.in_memory import FromStandardLibrary, Memory, Note, Pool, run


class Executor(FromStandardLibrary):
    """As documented; ``map`` with its default chunk of one job submits one by one too."""

    name = "ProcessPoolExecutor"
    settings = "defaults"
    pace = 9_000

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        yield Memory(_start)


@contextlib.contextmanager
def _start(workers: int) -> Iterator[Pool]:
    executor = ProcessPoolExecutor(workers)
    try:
        yield _Pool(executor)
    finally:
        executor.shutdown(cancel_futures=True)


class _Pool:
    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def submit(self, job: Job, note: Note) -> None:
        self._executor.submit(run, job).add_done_callback(
            lambda future: None if future.cancelled() else note(future.result())
        )

    def submit_all(self, jobs: Iterable[Job], note: Note) -> None:
        for job in jobs:
            self.submit(job, note)
