"""How long a job waits for an idle worker: 50 jobs a second."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Figure, percentile, say
from benchmarks.marks import Marks
from benchmarks.peers.base import Contestant, Job
from benchmarks.suite.size import Size
from benchmarks.suite.trials import taking_turns, until_done

TITLE = "Pickup"
RATE = 50.0
WORKERS = 2
PERCENTS = (50, 95, 99)
_WARM = 10
"""Jobs before those that count."""


class Waits(NamedTuple):
    """Seconds from the call that enqueued a job to its start; and to its record, where the store says that."""

    pickup: list[float]
    recorded: list[float]


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return percentiles of the time from enqueue to start, and to the record of the end."""
    say("Pickup at 50 jobs/s")
    found = taking_turns(size.rounds, contestants, partial(_waits, size.pickups))
    figures = []
    for path, told in (("pickup", "From enqueue to start"), ("recorded", "From enqueue to recorded")):
        for percent in PERCENTS:
            for name, rounds in found.items():
                waits = [getattr(one, path) for one in rounds]
                if all(waits):
                    figures.append(
                        Figure(
                            group=f"{told}, 50 jobs/s, p{percent}", name=name, unit="ms",
                            rounds=[percentile(wait, percent) * 1000 for wait in waits],
                            key=f"{path}/p{percent}/{name}",
                        )
                    )  # fmt: skip
    return figures


def _waits(jobs: int, contestant: Contestant) -> Waits:
    count = jobs + _WARM
    with (
        tempfile.TemporaryDirectory(prefix="fj-marks-") as directory,
        Marks(Path(directory, "marks"), count) as marks,
        contestant.ground() as arena,
        arena.farm(WORKERS),
    ):
        first = time.monotonic() + 0.5
        for number in range(count):
            time.sleep(max(first + number / RATE - time.monotonic(), 0.0))
            marks.enqueued(number)
            arena.enqueue(Job("mark", number))
        until_done(arena, count)
        recorded = arena.recorded()
        enqueues = marks.enqueues
        return Waits(
            [start - enqueue for start, enqueue in zip(marks.starts, enqueues, strict=True)][_WARM:],
            [end - enqueue for end, enqueue in zip(recorded[-count:], enqueues, strict=True)][_WARM:]
            if recorded
            else [],
        )
