"""The phases of an orderly stop, decided from what is left and the time. Makes no system call."""

from __future__ import annotations

from typing import NamedTuple

COORDINATOR_GRACE = 15.0
"""Seconds the coordinator has to settle what is left, once it is alone."""


class Orders(NamedTuple):
    """What is to be done now."""

    kill_workers: bool = False
    dismiss_coordinator: bool = False
    kill_coordinator: bool = False
    over: bool = False


class Shutdown:
    """Ask, wait, kill, collect. ``grace`` is how long running jobs may go on; times are monotonic seconds."""

    def __init__(self, now: float, grace: float) -> None:
        self._workers_until = now + grace
        self._coordinator_until: float | None = None
        self._killed = False

    def hurry(self) -> None:
        """Give running jobs no more time."""
        self._workers_until = 0.0

    def decide(self, now: float, *, workers: int, coordinator: bool, settled: bool) -> Orders:
        """Return the orders of this moment. ``settled``: the coordinator has said its last word, or never will.

        A coordinator that dies before that is replaced, as long as its time is not over.
        """
        if workers:
            if now >= self._workers_until and not self._killed:
                self._killed = True
                return Orders(kill_workers=True)
            return Orders()
        if self._coordinator_until is None:
            self._coordinator_until = now + COORDINATOR_GRACE
        late = now >= self._coordinator_until
        if not coordinator:
            return Orders(over=settled or late)
        return Orders(dismiss_coordinator=True, kill_coordinator=late)

    def wait(self, now: float) -> float | None:
        """Return the seconds until time alone changes the orders; None: never."""
        until = self._workers_until if self._coordinator_until is None else self._coordinator_until
        return None if self._killed and self._coordinator_until is None else max(until - now, 0.0)
