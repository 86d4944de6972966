"""When each duty is next due: pure arithmetic on times that are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

NEVER = float("inf")
"""For a duty that is done only when it is hastened."""

_ROUNDING = 1e-9


class Duty(msgspec.Struct):
    """Something to be done every so many seconds; ``due`` is a monotonic time.

    A ``patient`` duty may come later: its cost grows with the queue, and nobody waits for it.
    """

    name: str
    every: float
    act: Callable[[], None]
    due: float = 0.0
    patient: bool = False

    def took(self, now: float, seconds: float) -> None:
        """Note how long it took: a patient duty leaves nine tenths of the time to the others."""
        if self.patient:
            self.due = max(self.due, now + 9 * seconds)


class Timetable:
    """All duties of a coordinator.

    Their times are counted from when the first was due, so that those come together whose periods are multiples of one
    another: to wake an idle processor costs more than most duties.
    """

    def __init__(self, duties: Iterable[Duty] = ()) -> None:
        self._duties = list(duties)
        self._begun: float | None = None

    def add(self, *duties: Duty) -> None:
        """Take duties on; each is due at once."""
        self._duties.extend(duties)

    def due(self, now: float) -> list[Duty]:
        """Return the duties whose time has come, and set the next time of each after now: nothing is caught up."""
        if self._begun is None:
            self._begun = now
        come = [duty for duty in self._duties if duty.due <= now]
        for duty in come:
            periods = math.floor((now - self._begun) / duty.every + _ROUNDING) + 1
            duty.due = self._begun + periods * duty.every
        return come

    def next(self) -> float:
        """Return the time of the next duty."""
        return min(duty.due for duty in self._duties)

    def hasten(self, name: str, at: float) -> None:
        """Do a duty no later than ``at``."""
        for duty in self._duties:
            if duty.name == name:
                duty.due = min(duty.due, at)
