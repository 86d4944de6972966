"""What the measured jobs do: the same functions for every contestant, so they need nothing but the standard library."""

from __future__ import annotations

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
