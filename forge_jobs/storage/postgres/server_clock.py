"""The server's clock, which all hosts agree on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import psycopg

from forge_jobs.clock import SystemClock, monotonic
from forge_jobs.errors import DatabaseError

TRIES = 3


class ServerClock:
    """The server's clock, so that all hosts agree: this machine's plus a difference that is measured now and then."""

    EVERY = 60.0

    def __init__(self, ask: Callable[[], int | None]) -> None:
        self._ask = ask
        self._difference = 0
        self._measured_at = float("-inf")

    def now(self) -> int:
        """Return microseconds since the epoch. Never fails: while there is no server the last difference holds."""
        with contextlib.suppress(DatabaseError, psycopg.Error):
            self.measure(self._ask)
        return SystemClock().now() + self._difference

    def measure(self, ask: Callable[[], int | None]) -> None:
        """Ask the server, if that is due, and believe the quickest answer.

        The server looked at its clock somewhere on the way, so half the way is how far the difference may be wrong: one
        that is smaller counts as none.
        """
        if monotonic() - self._measured_at <= self.EVERY:
            return
        answers = [answer for answer in (_asked(ask) for _ in range(TRIES)) if answer is not None]
        if answers:
            half_way, difference = min(answers)
            self._difference = 0 if abs(difference) <= half_way else difference
            self._measured_at = monotonic()


def _asked(ask: Callable[[], int | None]) -> tuple[int, int] | None:
    """Return half the time an answer took and by how much the server's clock is ahead, in microseconds."""
    before = SystemClock().now()
    there = ask()
    after = SystemClock().now()
    return None if there is None else ((after - before) // 2, there - (before + after) // 2)
