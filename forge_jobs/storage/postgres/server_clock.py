"""The server's clock, which all hosts agree on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import psycopg

from forge_jobs.clock import SystemClock, monotonic
from forge_jobs.errors import DatabaseError


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
        """Ask the server, if that is due: the moment counts in the middle of the way."""
        if monotonic() - self._measured_at <= self.EVERY:
            return
        before = SystemClock().now()
        there = ask()
        if there is not None:
            self._difference = there - (before + SystemClock().now()) // 2
            self._measured_at = monotonic()
