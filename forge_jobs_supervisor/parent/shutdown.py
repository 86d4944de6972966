"""The phases of an orderly stop, decided from what is left and the time. Makes no system call."""

from __future__ import annotations

from typing import NamedTuple

CLEAN_UP = 5.0
"""Seconds a handler has, once it was interrupted, before its worker is killed;"""

CLEAN_UP_IN_A_HURRY = 1.0
"""and when somebody asked twice."""

COORDINATOR_GRACE = 15.0
"""Seconds the coordinator has to settle what is left, once it is alone."""


class Orders(NamedTuple):
    """What is to be done now.

    ``interrupt``: tell running jobs to stop, and give them so many seconds for it. ``kill_workers``: those that are
    not in a ``shield`` that asked for longer, unless ``kill_shielded``.
    """

    interrupt: float | None = None
    kill_workers: bool = False
    kill_shielded: bool = False
    dismiss_coordinator: bool = False
    kill_coordinator: bool = False
    over: bool = False


class Shutdown:
    """Ask, wait, interrupt, kill, collect. ``grace`` is how long running jobs may go on; times are seconds."""

    def __init__(self, now: float, grace: float) -> None:
        self._workers_until = now + grace
        self._clean_up = CLEAN_UP
        self._kill_at: float | None = None
        self._coordinator_until: float | None = None
        self._hurried = False

    def hurry(self, now: float) -> None:
        """Give running jobs no more time: the first time they are interrupted, after that killed."""
        if self._kill_at is None:
            self._workers_until = now
            self._clean_up = CLEAN_UP_IN_A_HURRY
        else:
            self._kill_at = min(self._kill_at, now)
            self._hurried = True

    def decide(self, now: float, *, workers: int, coordinator: bool, settled: bool) -> Orders:
        """Return the orders of this moment. ``settled``: the coordinator has said its last word, or never will.

        A coordinator that dies before that is replaced, as long as its time is not over.
        """
        if workers:
            return self._part_with_workers(now)
        if self._coordinator_until is None:
            self._coordinator_until = now + COORDINATOR_GRACE
        late = now >= self._coordinator_until
        if not coordinator:
            return Orders(over=settled or late)
        return Orders(dismiss_coordinator=True, kill_coordinator=late)

    def _part_with_workers(self, now: float) -> Orders:
        if self._kill_at is None:
            if now < self._workers_until:
                return Orders()
            self._kill_at = now + self._clean_up
            return Orders(interrupt=self._clean_up)
        return Orders(kill_workers=now >= self._kill_at, kill_shielded=self._hurried)

    def wait(self, now: float) -> float | None:
        """Return the seconds until time alone changes the orders; None: never."""
        if self._coordinator_until is not None:
            return max(self._coordinator_until - now, 0.0)
        until = self._workers_until if self._kill_at is None else self._kill_at
        return None if self._kill_at is not None and now >= until else max(until - now, 0.0)
