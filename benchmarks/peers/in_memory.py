"""What the pools of worker processes have in common: jobs and their results are in this process, and gone with it."""

from __future__ import annotations

import contextlib
import multiprocessing
import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from multiprocessing.process import BaseProcess
from typing import Protocol

from benchmarks.jobs import BODIES
from benchmarks.peers.base import Job, Store, expect

Note = Callable[[int], None]
"""To be called with a job's number when its result has come back."""


def run(job: Job) -> int:
    """Run a job in a worker, and give its number, by which its result is known."""
    BODIES[job.kind](**job.arguments)
    return job.number


class FromStandardLibrary:
    """A contestant that comes with Python."""

    store: Store = "memory"
    durable = False

    def missing(self) -> str | None:
        """Return None: it is there."""
        return None

    def version(self) -> str:
        """Return Python's."""
        return f"Python {platform.python_version()}"


class Pool(Protocol):
    """A pool whose workers are running, or start with the first job."""

    def submit(self, job: Job, note: Note) -> None:
        """Have one job run; does not wait for it."""

    def submit_all(self, jobs: Iterable[Job], note: Note) -> None:
        """Have many jobs run by the fastest call there is that tells of each when it is done; may wait for them."""


class Memory:
    """An arena that keeps its jobs until there are workers, and remembers whose results came back when."""

    def __init__(self, start: Callable[[int], AbstractContextManager[Pool]]) -> None:
        self._start = start
        self._pool: Pool | None = None
        self._leaving = threading.Event()
        self._waiting: list[Job] = []
        self._feeders: list[threading.Thread] = []
        self._returned: list[tuple[int, float]] = []

    def enqueue(self, job: Job) -> None:
        if self._pool is None:
            self._waiting.append(job)
        else:
            self._pool.submit(job, self._note)

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        if self._pool is None:
            self._waiting += jobs
        else:
            self._feed(self._pool, jobs)

    def _feed(self, pool: Pool, jobs: Sequence[Job]) -> None:
        feeder = threading.Thread(target=pool.submit_all, args=(self._unless_leaving(jobs), self._note), daemon=True)
        self._feeders.append(feeder)
        feeder.start()

    def _unless_leaving(self, jobs: Sequence[Job]) -> Iterator[Job]:
        for job in jobs:
            if self._leaving.is_set():
                return
            yield job

    def _note(self, number: int) -> None:
        self._returned.append((number, time.time()))

    @contextlib.contextmanager
    def farm(self, workers: int) -> Iterator[list[int]]:
        before = set(multiprocessing.active_children())
        self._leaving.clear()
        with self._start(workers) as pool:
            self._pool = pool
            pids = self._warm(pool, workers, before)
            self._feed(pool, self._waiting)
            self._waiting = []
            try:
                yield pids
            finally:
                self._leaving.set()
                self._pool = None
        for feeder in self._feeders:
            feeder.join()
        self._feeders = []

    def _warm(self, pool: Pool, workers: int, before: set[BaseProcess]) -> list[int]:
        """Wait until all workers are there and one has run a job; return their pids."""
        ran = threading.Event()
        pool.submit(Job("nothing", -1), lambda _number: ran.set())
        ran.wait()
        while len(pids := [child.pid for child in multiprocessing.active_children() if child not in before]) < workers:
            time.sleep(0.01)
        return [pid for pid in pids if pid is not None]

    def done(self) -> int:
        return len(self._returned)

    def recorded(self) -> list[float]:
        return [instant for _number, instant in sorted(self._returned)]

    def check_once(self, jobs: int) -> None:
        expect(jobs, returned=len(self._returned), distinct=len({number for number, _instant in self._returned}))
