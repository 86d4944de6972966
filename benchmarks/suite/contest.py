"""The contest: enqueueing, and draining a backlog of jobs that do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import NamedTuple

from benchmarks.figures import Figure, say
from benchmarks.peers.base import Arena, Contestant, Job, NoBulk
from benchmarks.suite.database import looked_into
from benchmarks.suite.rounds import Sample, in_rounds, samples, store, until_done
from benchmarks.suite.size import Size, is_ours

TITLE = "Enqueue and drain"
WORKERS = (2, 8)
_PRIMING = {"sqlite": 1500}
"""Jobs stored before the clock runs: SQLite's log then has its size; a commit that makes it grow waits longer."""

_SOME = 300

_LOOK = 0.02
_SHORTEST = 0.1
"""Seconds: what is over sooner than that was not measured."""


class Enqueued(NamedTuple):
    """Jobs stored in a second. ``bulk`` is None if there is no call for it."""

    one: float
    bulk: float | None


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return the rates of enqueueing, of those that store anything, and of draining with 2 and 8 workers."""
    storing = [one for one in size.going(contestants) if one.store != "memory"]
    figures = _enqueueing(size, storing)
    for workers in WORKERS:
        group = f"Drain of no-op jobs, {workers} workers"
        say(group)
        going = size.going(contestants, main=workers == WORKERS[0])
        found = in_rounds(group, going, size.rounds_of, partial(drain_rate, size, workers))
        figures += [_figure(group, name, rates, f"drain/{workers}") for name, rates in found.items()]
    return figures


def _figure(group: str, name: str, rates: Sequence[float], path: str) -> Figure:
    return Figure(group=group, name=name, unit="jobs/s", rounds=rates, key=f"{path}/{name}")


# -- enqueueing ---------------------------------------------------------------------------------------------------


def _enqueueing(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    say("Enqueueing, from one process")
    found = in_rounds("enqueueing", contestants, size.rounds_of, partial(_enqueued, size))
    one = [
        _figure("Enqueue one by one", name, [rates.one for rates in rounds], "enqueue/one")
        for name, rounds in found.items()
    ]
    bulks = {name: [rates.bulk for rates in rounds if rates.bulk is not None] for name, rounds in found.items()}
    group = f"Enqueue {size.bulk:,} by one call"
    return one + [_figure(group, name, rates, "enqueue/bulk") for name, rates in bulks.items() if rates]


def _enqueued(size: Size, contestant: Contestant) -> Enqueued:
    """Store jobs while nobody works; of two bulks the second counts, for which the store has its room already."""
    with contestant.ground() as arena:
        first = _PRIMING.get(contestant.store, _SOME)
        _one_by_one(arena, 0, first)
        one = _one_by_one(arena, first, size.one_by_one)
        first += size.one_by_one
        try:
            bulk = [_bulk(arena, first + number * size.bulk, size.bulk) for number in range(2)][1]
        except NoBulk:
            bulk = None
    return Enqueued(one, bulk)


def _one_by_one(arena: Arena, first: int, count: int) -> float:
    jobs = _nothings(first, count)
    start = perf_counter()
    for job in jobs:
        arena.enqueue(job)
    return count / (perf_counter() - start)


def _bulk(arena: Arena, first: int, count: int) -> float:
    jobs = _nothings(first, count)
    start = perf_counter()
    arena.enqueue_bulk(jobs)
    return count / (perf_counter() - start)


def _nothings(first: int, count: int) -> list[Job]:
    return [Job("nothing", number) for number in range(first, first + count)]


# -- draining -----------------------------------------------------------------------------------------------------


def drain_rate(size: Size, workers: int, contestant: Contestant) -> float:
    """Return how many jobs of a backlog, stored before there are workers, are done in a second.

    Ours by its rows: from the first start to the last end. A peer's by the times at which jobs were recorded, where
    its store knows them, else by looking: from the first record that is seen to the last.
    """
    jobs = size.backlog(contestant)
    with contestant.ground() as arena:
        store(arena, _nothings(0, jobs))
        if is_ours(contestant):
            return _ours(arena, jobs, workers)
        with arena.farm(workers):
            seen = list(samples(arena, jobs, every=_LOOK))
        arena.check_once(jobs)
        recorded = arena.recorded()
        return progress(seen if recorded is None else _records(recorded))


def _ours(arena: Arena, jobs: int, workers: int) -> float:
    with arena.farm(workers):
        until_done(arena, jobs)
    arena.check_once(jobs)
    with looked_into(arena) as database:
        return database.drained(after=0).rate


def _records(instants: Sequence[float]) -> list[Sample]:
    return [Sample(number, at) for number, at in enumerate(sorted(instants), 1)]


def progress(seen: Sequence[Sample]) -> float:
    """Return jobs per second between the first sample that saw any and the first that saw all.

    Raises RuntimeError if that was too short a time to tell.
    """
    last = next(sample for sample in seen if sample.done >= seen[-1].done)
    start = next(sample.at for sample in seen if sample.done)
    done = max(sample.done for sample in seen if sample.at <= start)  # one commit may record many
    if last.at - start < _SHORTEST:
        raise RuntimeError(f"{last.done} jobs were done before it could be seen how fast")
    return (last.done - done) / (last.at - start)
