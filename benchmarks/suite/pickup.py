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
from benchmarks.peers.base import Contestant, Job
from benchmarks.suite.efficiency import spinning
from benchmarks.suite.rounds import in_rounds, until_done
from benchmarks.suite.size import Size, is_ours
from benchmarks.suite.turns import turns_of, until

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


class Waits(NamedTuple):
    """Of each job, the seconds from just before the call that enqueues it to its start, and to its record.

    ``recorded`` is None where the store does not say when that was. ``busy`` is the share of the workers' time between
    the first start and the last end in which they had a job.
    """

    started: list[float]
    recorded: list[float] | None
    busy: float


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return percentiles: of all at 50 jobs/s that do nothing, of ours also under load by CPU-bound jobs of 20 ms."""
    say(f"Pickup at {RATE:g} jobs/s")
    found = in_rounds("pickup", contestants, size.long_rounds_of, lambda one: _idle(one, size.pickups))
    started = {name: [waits.started for waits in rounds] for name, rounds in found.items()}
    recorded = {
        name: [waits.recorded for waits in rounds if waits.recorded is not None] for name, rounds in found.items()
    }
    return [
        *_figures(f"From enqueue to start, {RATE:g} jobs/s, {WORKERS} idle workers", "pickup", started),
        *_figures(f"From enqueue to recorded, {RATE:g} jobs/s, {WORKERS} idle workers", "recorded", recorded),
        *_loads(size, [one for one in contestants if is_ours(one)]),
    ]


def _figures(group: str, path: str, found: Mapping[str, list[list[float]]]) -> list[Figure]:
    return [
        Figure(
            group=f"{group}, p{percent}", name=name, unit="ms", key=f"{path}/p{percent}/{name}",
            rounds=[percentile(waits, percent) * 1000 for waits in rounds],
        )
        for percent in PERCENTS
        for name, rounds in found.items()
        if rounds
    ]  # fmt: skip


def _idle(contestant: Contestant, jobs: int) -> Waits:
    return _waits(contestant, [Job("mark", number) for number in range(_FIRST + jobs)], RATE)


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
        figures += _figures(f"From enqueue to start, {told}", f"load{load}", started)
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
        found[load] = _waits(contestant, jobs, rate)
    return found


# -- both ---------------------------------------------------------------------------------------------------------


def _waits(contestant: Contestant, jobs: Sequence[Job], rate: float) -> Waits:
    """Enqueue at even distances, and say how long each job but the first ones waited.

    Raises RuntimeError if this process could not keep the pace: the load was another one then.
    """
    with (
        tempfile.TemporaryDirectory(prefix="fj-marks-") as directory,
        Marks(Path(directory, "marks"), len(jobs)) as marks,
        contestant.ground() as arena,
    ):
        with arena.farm(WORKERS):
            begin = time.monotonic() + _LEAD
            for job in jobs:
                time.sleep(max(begin + job.number / rate - time.monotonic(), 0.0))
                marks.enqueued(job.number)
                arena.enqueue(job)
            late = time.monotonic() - (begin + len(jobs) / rate)
            until(lambda: all(marks.ends), f"{len(jobs):,} jobs to end")
            until_done(arena, len(jobs))
        if late > len(jobs) / rate * _LATE:
            raise RuntimeError(f"{len(jobs)} jobs at {rate:.0f} a second were enqueued {late:.1f} s too late")
        arena.check_once(len(jobs))
        recorded, enqueued, starts, ends = arena.recorded(), marks.enqueues, marks.starts, marks.ends
        return Waits(
            started=_since(enqueued, starts),
            recorded=None if recorded is None else _since(enqueued, recorded),
            busy=(sum(ends) - sum(starts)) / WORKERS / (max(ends) - min(starts)),
        )


def _since(enqueued: Sequence[float], then: Sequence[float]) -> list[float]:
    return [after - before for before, after in zip(enqueued, then, strict=True)][_FIRST:]
