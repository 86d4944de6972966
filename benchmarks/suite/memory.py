"""What each worker adds to a heavy application that the supervisor has loaded before it forks."""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.figures import Figure, say
from benchmarks.jobs import BALLAST
from benchmarks.peers.base import Contestant, Job
from benchmarks.suite.size import Size
from benchmarks.suite.trials import until_done

TITLE = "Memory of a worker"
WORKERS = 4
JOBS = 1000
MEGABYTES = 100


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return the medians over the workers of what is private and what is shared, after 250 jobs each."""
    say(TITLE)
    figures = []
    os.environ[BALLAST] = str(MEGABYTES)
    try:
        for contestant in (one for one in contestants if one.name.startswith("forge-jobs")):
            rounds = [_weighed(contestant) for _ in range(size.rounds)]
            for number, what in enumerate(("private", "shared")):
                figures.append(
                    Figure(
                        group=f"{TITLE}, {MEGABYTES} MB of application loaded before",
                        name=f"{contestant.name}, {what}",
                        unit="MB", rounds=[one[number] for one in rounds], key=f"memory/{contestant.name}/{what}",
                    )
                )  # fmt: skip
    finally:
        del os.environ[BALLAST]
    return figures


def _weighed(contestant: Contestant) -> tuple[float, float]:
    """Return megabytes: those that only one worker has, and its share of those that several have."""
    with contestant.ground() as arena:
        arena.enqueue_bulk([Job("nothing", number) for number in range(JOBS)])
        with arena.farm(WORKERS) as pids:
            until_done(arena, JOBS)
            workers = [pid for pid in pids if ": worker " in " ".join(psutil.Process(pid).cmdline())]
            found = [_rollup(pid) for pid in workers]
    assert len(found) == WORKERS
    return statistics.median(one[0] for one in found), statistics.median(one[1] for one in found)


def _rollup(pid: int) -> tuple[float, float]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = {name: int(value) for name, value in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}
    private = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return private / 1000, (kilobytes["Rss"] - private) / 1000
