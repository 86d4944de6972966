"""The server's clock, which all hosts agree on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import psycopg

from forge_jobs.clock import SystemClock, boottime_us, monotonic
from forge_jobs.errors import DatabaseError

TRIES = 3


class ServerClock:
    """The server's clock, so that all hosts agree: asked now and then, and carried on by a clock that nobody sets."""

    EVERY = 60.0
    AGAIN_AFTER = 5.0

    def __init__(self, ask: Callable[[], int | None]) -> None:
        self._ask = ask
        self._ahead: int | None = None  # of boottime
        self._ask_at = float("-inf")

    def now(self) -> int:
        """Return microseconds since the epoch. Never fails: while there is no server the last answer is carried on."""
        with contextlib.suppress(DatabaseError, psycopg.Error):
            self.measure(self._ask)
        return SystemClock().now() if self._ahead is None else boottime_us() + self._ahead

    def measure(self, ask: Callable[[], int | None]) -> None:
        """Ask the server, if that is due, and believe the quickest answer.

        The server looked at its clock somewhere on the way, so half the way is how far the difference may be wrong: one
        to this machine's own clock that is smaller counts as none.
        """
        if monotonic() < self._ask_at:
            return
        self._ask_at = monotonic() + self.AGAIN_AFTER
        answers = [answer for answer in (_asked(ask) for _ in range(TRIES)) if answer is not None]
        if answers:
            half_way, ahead = min(answers)
            ours = SystemClock().now() - boottime_us()
            self._ahead = ours if abs(ahead - ours) <= half_way else ahead
            self._ask_at = monotonic() + self.EVERY


def _asked(ask: Callable[[], int | None]) -> tuple[int, int] | None:
    """Return half the time an answer took and by how much the server's clock is ahead of boottime, in microseconds."""
    before = boottime_us()
    there = ask()
    after = boottime_us()
    return None if there is None else ((after - before) // 2, there - (before + after) // 2)
