"""What the measured jobs do: the same functions for every contestant, so they need nothing but the standard library."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from benchmarks import marks


def nothing() -> None:
    """Do nothing: what is left is the price of a job."""


def mark(number: int) -> None:
    """Say when it started and ended."""
    here = marks.here()
    here.started(number)
    here.ended(number)


def spin(number: int, turns: int) -> None:
    """Work for a length of CPU time that is set by the number of turns, and say when it started and ended."""
    here = marks.here()
    here.started(number)
    work(turns)
    here.ended(number)


def work(turns: int) -> int:
    """Run a loop of pure Python."""
    total = 0
    for turn in range(turns):
        total = (total + turn * turn) % 1_000_003
    return total


BODIES: Mapping[str, Callable[..., None]] = {"nothing": nothing, "mark": mark, "spin": spin}
"""Every kind of job."""

BALLAST = "FORGE_BENCH_BALLAST"
"""The environment variable that makes an application heavy: megabytes of objects, made when it is imported."""

ballast = [{"number": number, "text": str(number)} for number in range(int(os.environ.get(BALLAST, "0")) * 3000)]
