"""How long a job takes to come to its turn: with idle workers, and with workers that have much to do."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Figure, percentile, say
from benchmarks.marks import Marks
from benchmarks.peers.base import Arena, Contestant, Job
from benchmarks.suite.efficiency import spinning
from benchmarks.suite.rounds import in_rounds, until_done
from benchmarks.suite.size import Size, ours
from benchmarks.suite.turns import turns_of
from benchmarks.suite.waiting import PATIENCE

TITLE = "Pickup"
RATE = 50.0
"""Jobs per second for idle workers."""

WORKERS = 2
PERCENTS = (50, 95, 99)
LOADS = (50, 90)
"""Percent of the rate at which the workers are busy all the time."""

_SPIN = 0.020
_FIRST = 10
"""Jobs that do not count: with the first ones connections are opened and statements prepared."""

_LEAD = 0.2
_LATE = 0.1
_LOOK, _LOOK_UNDER_LOAD = 0.001, 0.005
"""Seconds between looks at a store that does not say when a job was recorded: so late it may seem."""


class Waits(NamedTuple):
    """Of each job, the seconds from just before the call that enqueues it to its start, and to its record.

    ``busy`` is the share of the workers' time between
    the first start and the last end in which they had a job.
    """

    started: list[float]
    recorded: list[float]
    busy: float


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return percentiles: of all at 50 jobs/s that do nothing, of ours also under load by CPU-bound jobs of 20 ms."""
    say(f"Pickup at {RATE:g} jobs/s")
    found = in_rounds("pickup", size.going(contestants), size.long_rounds_of, lambda one: _idle(one, size.pickups))
    started = {name: [waits.started for waits in rounds] for name, rounds in found.items()}
    recorded = {name: [waits.recorded for waits in rounds] for name, rounds in found.items()}
    return [
        *_figures(f"From enqueue to start, {RATE:g} jobs/s, {WORKERS} idle workers", "pickup", started),
        *_figures(f"From enqueue to recorded, {RATE:g} jobs/s, {WORKERS} idle workers", "recorded", recorded),
        *_loads(size, ours(contestants)),
    ]


def _figures(group: str, path: str, found: Mapping[str, list[list[float]]]) -> list[Figure]:
    return [
        Figure(
            group=f"{group}, p{percent}", name=name, unit="ms", key=f"{path}/p{percent}/{name}",
            rounds=[percentile(waits, percent) * 1000 for waits in rounds],
        )
        for percent in PERCENTS
        for name, rounds in found.items()
    ]  # fmt: skip


def _idle(contestant: Contestant, jobs: int) -> Waits:
    return _waits(contestant, [Job("mark", number) for number in range(_FIRST + jobs)], RATE, _LOOK)


# -- under load ---------------------------------------------------------------------------------------------------


def _loads(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    group = f"CPU-bound jobs of 20 ms, {WORKERS} workers"
    say(f"Pickup under load: {group}")
    found = in_rounds("pickup under load", contestants, lambda _: size.long_rounds, partial(_loaded, size))
    figures = []
    for load in LOADS:
        told = f"{group}, {load} % of saturation"
        waits = {name: [loads[load] for loads in rounds] for name, rounds in found.items()}
        started = {name: [one.started for one in rounds] for name, rounds in waits.items()}
        recorded = {name: [one.recorded for one in rounds] for name, rounds in waits.items()}
        figures += _figures(f"From enqueue to start, {told}", f"load{load}", started)
        figures += _figures(f"From enqueue to recorded, {told}", f"recorded{load}", recorded)
        figures += [
            Figure(
                group=f"Share of the workers' time in which they had a job, {told}", name=name, unit="ratio",
                rounds=[one.busy for one in rounds],
            )
            for name, rounds in waits.items()
        ]  # fmt: skip
    return figures


def _loaded(size: Size, contestant: Contestant) -> dict[int, Waits]:
    """Find out the rate at saturation, and then let jobs come at each load's share of it.

    Each time anew: on a machine that others use too, what saturates it in one minute is too much in the next.
    """
    turns, count = turns_of(_SPIN), size.spins(20, WORKERS)
    most = count / spinning(contestant, count, turns)
    found = {}
    for load in LOADS:
        rate = most * load / 100
        jobs = [Job("spin", number, turns) for number in range(_FIRST + round(rate * size.load_seconds))]
        found[load] = _waits(contestant, jobs, rate, _LOOK_UNDER_LOAD)
    return found


# -- both ---------------------------------------------------------------------------------------------------------


def _waits(contestant: Contestant, jobs: Sequence[Job], rate: float, look: float) -> Waits:
    """Enqueue at even distances, and say how long each job but the first ones waited.

    Raises RuntimeError if this process could not keep the pace: the load was another one then.
    """
    with (
        tempfile.TemporaryDirectory(prefix="fj-marks-") as directory,
        Marks(Path(directory, "marks"), len(jobs)) as marks,
        contestant.ground() as arena,
    ):
        with arena.farm(WORKERS):
            watch = _Watch(arena, look)
            begin = time.monotonic() + _LEAD
            for job in jobs:
                watch.until(begin + job.number / rate)
                marks.enqueued(job.number)
                arena.enqueue(job)
            late = time.monotonic() - (begin + len(jobs) / rate)
            watch.until_all(len(jobs))
            recorded = watch.recorded()
        if late > len(jobs) / rate * _LATE:
            raise RuntimeError(f"{len(jobs)} jobs at {rate:.0f} a second were enqueued {late:.1f} s too late")
        arena.check_once(len(jobs))
        enqueued, starts, ends = marks.enqueues, marks.starts, marks.ends
        return Waits(
            started=_since(enqueued, starts),
            recorded=_since(enqueued, recorded),
            busy=(sum(ends) - sum(starts)) / WORKERS / (max(ends) - min(starts)),
        )


class _Watch:
    """Looks now and then how many jobs are recorded, where the store does not say when each was.

    The n-th record that is seen is then taken for the n-th job's.
    """

    def __init__(self, arena: Arena, every: float) -> None:
        self._arena = arena
        self._every = every
        self._looks = arena.recorded() is None
        self._next = 0.0
        self._seen: list[float] = []

    def until(self, due: float) -> None:
        """Wait until an instant of the monotonic clock, looking meanwhile."""
        while (now := time.monotonic()) < due:
            if self._looks and now >= self._next:
                self._seen += [time.time()] * (self._arena.done() - len(self._seen))
                self._next = time.monotonic() + self._every
            time.sleep(max(min(due, self._next if self._looks else due) - time.monotonic(), 0.0))

    def until_all(self, jobs: int) -> None:
        """Wait until all jobs are recorded."""
        if not self._looks:
            until_done(self._arena, jobs)
        give_up = time.monotonic() + PATIENCE
        while self._looks and len(self._seen) < jobs:
            if time.monotonic() > give_up:
                raise TimeoutError(f"{len(self._seen)} of {jobs} jobs were done within {PATIENCE:g} s")
            self.until(time.monotonic() + self._every)

    def recorded(self) -> list[float]:
        """Return unix times by job number."""
        return self._arena.recorded() or self._seen


def _since(enqueued: Sequence[float], then: Sequence[float]) -> list[float]:
    return [after - before for before, after in zip(enqueued, then, strict=True)][_FIRST:]
