"""Waiting for a fact instead of for a time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from forge_jobs.clock import monotonic

T = TypeVar("T")

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.02


def until(fact: Callable[[], T], *, within: float = 5.0, told: str = "") -> T:
    """Return the first true value of ``fact``; fail when ``within`` seconds are over first.

    ``told`` says in the failure what was waited for; without it the fact's own name does.
    """
    deadline = monotonic() + within
    pause, nobody_rings = _FIRST_PAUSE, Event()
    while True:
        value = fact()
        if value:
            return value
        if monotonic() >= deadline:
            what = told or getattr(fact, "__qualname__", repr(fact))
            raise AssertionError(f"not within {within:g} s: {what}; last seen {value!r}")
        nobody_rings.wait(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
