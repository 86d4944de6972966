"""CPU-bound jobs: how much of the time that they need is theirs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure, say
from benchmarks.marks import Marks
from benchmarks.peers.base import Contestant, Job
from benchmarks.suite.rounds import in_rounds, store, until_done
from benchmarks.suite.size import Size, is_ours
from benchmarks.suite.turns import OUR_NICENESS, bare, turns_of
from benchmarks.suite.waiting import until

TITLE = "Efficiency: a bare loop's time in terms of the farm's"
LENGTHS = (1, 20, 200)
"""Milliseconds that a job takes."""

WORKERS = 2


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return for each length how long two bare processes take, over how long the contestant takes with two workers."""
    figures = []
    for length in LENGTHS:
        group = f"Efficiency, CPU-bound jobs of {length} ms, {WORKERS} workers"
        say(group)
        trial = partial(_efficiency, size.spins(length, WORKERS), turns_of(length / 1000))
        found = in_rounds(group, size.going(contestants), size.long_rounds_of, trial)
        figures += [
            Figure(group=group, name=name, unit="ratio", rounds=ratios, key=f"efficiency/{length}/{name}")
            for name, ratios in found.items()
        ]
    return figures


def _efficiency(jobs: int, turns: int, contestant: Contestant) -> float:
    """Let the bare loop run just before and just after, each time with half of the jobs: a slow minute hits both."""
    niceness = OUR_NICENESS if is_ours(contestant) else 0
    half = jobs // WORKERS // 2 * WORKERS
    before = bare(WORKERS, half, turns, niceness=niceness)
    taken = spinning(contestant, jobs, turns)
    after = bare(WORKERS, jobs - half, turns, niceness=niceness)
    return (before + after) / taken


def spinning(contestant: Contestant, jobs: int, turns: int) -> float:
    """Return the seconds from the first start to the last end of a backlog of CPU-bound jobs, as they mark it."""
    with (
        tempfile.TemporaryDirectory(prefix="fj-marks-") as directory,
        Marks(Path(directory, "marks"), jobs) as marks,
        contestant.ground() as arena,
    ):
        store(arena, [Job("spin", number, turns) for number in range(jobs)])
        with arena.farm(WORKERS):
            # the marks cost nobody anything to look at; the store would have to work for every look
            until(lambda: all(marks.ends), f"{jobs:,} jobs to end", every=0.05)
            until_done(arena, jobs)
        arena.check_once(jobs)
        return max(marks.ends) - min(marks.starts)
