"""Many processes that enqueue at once, alone and while eight workers take what they store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from multiprocessing.synchronize import Barrier
from time import perf_counter

from benchmarks.figures import Figure, percentile, say
from benchmarks.peers.base import Contestant, expect
from benchmarks.processes import in_processes
from benchmarks.suite.farms import database
from benchmarks.suite.rounds import in_rounds
from benchmarks.suite.size import Size, ours
from benchmarks.suite.waiting import until

TITLE = "Enqueueing under pressure"
ENQUEUERS = 16
WORKERS = 8
PERCENTS = (50, 99)


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return percentiles of what one enqueue takes."""
    figures = []
    for workers, told in ((0, "alone"), (WORKERS, f"while {WORKERS} workers run")):
        group = f"One enqueue of {ENQUEUERS} processes that enqueue one by one, {told}"
        say(group)
        found = in_rounds(group, ours(contestants), size.long_rounds_of, partial(_waits, size.each_enqueues, workers))
        figures += [
            Figure(
                group=group, name=f"{name}, p{percent}", unit="ms",
                rounds=[percentile(waits, percent) * 1000 for waits in rounds],
                key=f"pressure/{workers}/{name}/p{percent}",
            )
            for name, rounds in found.items()
            for percent in PERCENTS
        ]  # fmt: skip
    return figures


def _waits(each: int, workers: int, contestant: Contestant) -> list[float]:
    with database(contestant) as place:

        def enqueue(barrier: Barrier) -> list[float]:
            with place.client() as client:
                client.counts()
                barrier.wait()
                waits = []
                for _ in range(each):
                    start = perf_counter()
                    client.enqueue("nothing")
                    waits.append(perf_counter() - start)
                return waits

        jobs = ENQUEUERS * each
        with place.farm(workers) if workers else nullcontext():
            waits = in_processes(ENQUEUERS, enqueue)
            if workers:
                until(lambda: place.done() >= jobs, "all jobs to end", every=0.02)
        _check_once(place.rows(_ROWS), jobs, ended=jobs if workers else 0)
        return [wait for one in waits for wait in one]


_ROWS = """
SELECT count(*), count(DISTINCT id), count(CASE WHEN status = 'done' THEN 1 END), coalesce(sum(attempts), 0) FROM job
"""


def _check_once(rows: list[tuple[int, int, int, int]], jobs: int, *, ended: int) -> None:
    """Raise NotOnce unless all accepted jobs are there, and so many were claimed and recorded once."""
    ((stored, ids, done, attempts),) = rows
    expect(jobs, rows=stored, ids=ids)
    expect(ended, done=done, attempts=int(attempts))
