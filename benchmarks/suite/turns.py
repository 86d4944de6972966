"""CPU-bound work of a known length, and the same work without any queue."""

from __future__ import annotations

import os
import time
from multiprocessing.synchronize import Barrier

from benchmarks.jobs import work
from benchmarks.processes import counter, in_processes

OUR_NICENESS = 10
"""The niceness of forge-jobs' workers, so also of the bare loop that they are compared with."""


def turns_of(seconds: float) -> int:
    """Return how many turns of ``work`` take so long here, by the fastest of several tries."""
    turns = 100_000
    fastest = min(_taken(turns) for _ in range(10))
    return max(round(turns * seconds / fastest), 1)


def _taken(turns: int) -> float:
    start = time.perf_counter()
    work(turns)
    return time.perf_counter() - start


def bare(processes: int, jobs: int, turns: int, *, niceness: int) -> float:
    """Return the seconds that as many processes need for all jobs, taking the next one from a counter they share."""
    left = counter(jobs)

    def loop(barrier: Barrier) -> tuple[float, float]:
        os.nice(niceness)
        barrier.wait()
        start = time.monotonic()
        while True:
            with left.get_lock():
                if left.value <= 0:
                    return start, time.monotonic()
                left.value -= 1
            work(turns)

    starts, ends = zip(*in_processes(processes, loop), strict=True)
    return float(max(ends) - min(starts))
