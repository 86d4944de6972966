"""Where a worker looks for the beginning of the line, when walking there from its end has become slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from forge_jobs.clock import monotonic
from forge_jobs.storage.postgres.adapting import Instant, instant

SLOW = 0.003
"""Seconds in the server above which a claim is slow: it takes a tenth of that where no dead rows are in its way."""

SLOW_IN_A_ROW = 5
"""Slow claims that are believed to be so for dead rows: one or two may have waited for a processor."""

AFRESH_EVERY = 1.0
"""Seconds after which the line is looked at from its end again, at least."""

_SHARE = 20
"""At most a twentieth of the time is spent so."""

Place = tuple[int, Instant | None, int]
"""Priority, due time and key of a job in line."""


START: Place = (-(2**31), Instant(-(10**16)), 0)
"""Before all jobs."""


class Claimed(NamedTuple):
    """A claimed job's place in line, and the seconds that the claim took in the server."""

    priority: int
    due: int
    key: int
    took: float


class Line:
    """Remembers the last place from which a claim came.

    While some transaction stays open, the server keeps every row version that it may still see. Those of jobs that
    were claimed long ago stay at the beginning of the line then, and each claim from there walks over all of them. So
    a claim that was slow is followed by claims that begin behind the last job claimed. Jobs of a more urgent priority
    are found all the same; those that come back to an earlier place in line wait until it is looked at afresh.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._place: Place | None = None
        self._slow = 0
        self._afresh_at = float("-inf")

    def behind(self) -> Place | None:
        """Return the place behind which to look, None for all of the line."""
        return self._place if self._now() < self._afresh_at else None

    def learn(self, behind: Place | None, last: Claimed | None) -> bool:
        """Learn from the last in line of what a claim gave, None of nothing.

        Returns whether nothing was there only because the line was not seen whole.
        """
        if last is None:
            self._afresh_at = float("-inf")
            return behind is not None
        self._place = (last.priority, instant(last.due), last.key)
        if behind is None:
            self._slow = self._slow + 1 if last.took >= SLOW else 0
            if self._slow >= SLOW_IN_A_ROW:
                self._afresh_at = self._now() + max(AFRESH_EVERY, _SHARE * last.took)
        return False
