"""CPU-bound jobs: the share of the cores' time that goes into the jobs themselves."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figure, say
from benchmarks.marks import Marks
from benchmarks.peers.base import Contestant, Job, NoBulk
from benchmarks.suite.loops import bare, turns_of
from benchmarks.suite.size import Size
from benchmarks.suite.trials import taking_turns, until_done

TITLE = "Efficiency with CPU-bound jobs"
LENGTHS = (1, 20, 200)
"""Milliseconds."""

WORKERS = 2


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return how the bare loop's wall time, just before and after, relates to each contestant's."""
    figures = []
    for length in LENGTHS:
        group = f"Efficiency, jobs of {length} ms, {WORKERS} workers"
        say(group)
        turns = turns_of(length / 1000)
        jobs = max(round(size.efficiency_seconds * WORKERS * 1000 / length), 2 * WORKERS)

        def trial(contestant: Contestant, jobs: int = jobs, turns: int = turns) -> float:
            before = bare(WORKERS, jobs, turns)
            wall = _wall(contestant, jobs, turns)
            return (before + bare(WORKERS, jobs, turns)) / 2 / wall

        found = taking_turns(size.rounds, contestants, trial)
        figures += [
            Figure(group=group, name=name, unit="ratio", rounds=shares, key=f"efficiency/{length}/{name}")
            for name, shares in found.items()
        ]
    return figures


def _wall(contestant: Contestant, jobs: int, turns: int) -> float:
    """Return the seconds from the first job's start to the last one's end, by the jobs' own marks."""
    wanted = [Job("spin", number, turns) for number in range(jobs)]
    with (
        tempfile.TemporaryDirectory(prefix="fj-marks-") as directory,
        Marks(Path(directory, "marks"), jobs) as marks,
        contestant.ground() as arena,
    ):
        try:
            arena.enqueue_bulk(wanted)
        except NoBulk:
            for job in wanted:
                arena.enqueue(job)
        with arena.farm(WORKERS):
            until_done(arena, jobs)
        arena.check_once(jobs)
        return max(marks.ends) - min(marks.starts)
