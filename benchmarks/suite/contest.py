"""Enqueueing and draining no-op jobs, beside every peer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

from benchmarks.figures import Figure, say
from benchmarks.peers.base import Contestant, Job, NoBulk
from benchmarks.suite.size import Size
from benchmarks.suite.trials import taking_turns, until_done

TITLE = "Enqueue and drain"


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return the rates of enqueueing one by one and in bulk, and of drains with 2 and 8 workers."""
    stored = [contestant for contestant in contestants if contestant.store != "memory"]
    return [
        *_figures("enqueue/one", "Enqueue one by one", size, stored, partial(_one_by_one, size.one_by_one)),
        *_figures("enqueue/bulk", "Enqueue in bulk", size, stored, partial(_bulk, size.bulk)),
        *_figures("drain/2", "Drain of no-op jobs, 2 workers", size, contestants, partial(_drain, size, 2)),
        *_figures("drain/8", "Drain of no-op jobs, 8 workers", size, contestants, partial(_drain, size, 8)),
    ]


def _figures(
    path: str, group: str, size: Size, contestants: Sequence[Contestant], trial: Callable[[Contestant], float | None]
) -> list[Figure]:
    say(group)
    found = taking_turns(size.rounds, contestants, trial)
    return [
        Figure(
            group=group, name=name, unit="jobs/s", key=f"{path}/{name}", rounds=[rate for rate in rates if rate]
        )
        for name, rates in found.items()
        if any(rates)
    ]  # fmt: skip


def _one_by_one(jobs: int, contestant: Contestant) -> float:
    with contestant.ground() as arena:
        for number in range(_WARM):
            arena.enqueue(Job("nothing", number))
        start = perf_counter()
        for number in range(_WARM, _WARM + jobs):
            arena.enqueue(Job("nothing", number))
        return jobs / (perf_counter() - start)


_WARM = 50
"""Jobs stored before the clock runs: statements are prepared, connections open."""


def _bulk(jobs: int, contestant: Contestant) -> float | None:
    with contestant.ground() as arena:
        wanted = [Job("nothing", number) for number in range(jobs + _WARM)]
        try:
            arena.enqueue_bulk(wanted[:_WARM])
            start = perf_counter()
            arena.enqueue_bulk(wanted[_WARM:])
        except NoBulk:
            return None
        return jobs / (perf_counter() - start)


def _drain(size: Size, workers: int, contestant: Contestant) -> float:
    jobs = size.backlog(contestant)
    wanted = [Job("nothing", number) for number in range(jobs)]
    with contestant.ground() as arena:
        try:
            arena.enqueue_bulk(wanted)
        except NoBulk:
            for job in wanted:
                arena.enqueue(job)
        with arena.farm(workers):
            progress = until_done(arena, jobs)
        arena.check_once(jobs)
    return progress.rate
