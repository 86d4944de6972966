"""multiprocessing.Pool, of the standard library."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.pool
import threading
from collections.abc import Iterable, Iterator

from benchmarks.peers.base import Arena, Job
from benchmarks.peers.in_memory import FromStandardLibrary, Memory, Note, Pool, run

_LOOK = 0.2


class MultiprocessingPool(FromStandardLibrary):
    """``imap_unordered`` with its default chunk of one job: results come back as they are there."""

    name = "multiprocessing.Pool"
    settings = "defaults: imap_unordered, chunksize 1"
    pace = 40_000

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        yield Memory(_start)


@contextlib.contextmanager
def _start(workers: int) -> Iterator[Pool]:
    with multiprocessing.Pool(workers) as pool:  # leaving it terminates the workers
        mine = _Pool(pool)
        try:
            yield mine
        finally:
            mine.leaving.set()


class _Pool:
    def __init__(self, pool: multiprocessing.pool.Pool) -> None:
        self._pool = pool
        self.leaving = threading.Event()

    def submit(self, job: Job, note: Note) -> None:
        self._pool.apply_async(run, (job,), callback=note)

    def submit_all(self, jobs: Iterable[Job], note: Note) -> None:
        results = self._pool.imap_unordered(run, jobs)
        while not self.leaving.is_set():  # for what is lost with the workers nobody would wake it
            try:
                note(results.next(timeout=_LOOK))
            except multiprocessing.TimeoutError:
                continue
            except StopIteration:
                return
