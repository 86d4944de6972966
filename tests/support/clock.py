"""A clock to turn."""

from __future__ import annotations

from forge_jobs.clock import MICROSECONDS

START = 1_750_000_000 * MICROSECONDS


class FakeClock:
    """A clock that stands still until it is turned, or goes on by ``tick`` microseconds at each look."""

    def __init__(self, start: int = START, tick: int = 0) -> None:
        self._now = start
        self._tick = tick

    def now(self) -> int:
        """Return microseconds since the epoch."""
        self._now += self._tick
        return self._now

    def advance(self, seconds: float = 0, *, days: float = 0) -> int:
        """Let time go by and return the new instant."""
        self._now += round((seconds + days * 86_400) * MICROSECONDS)
        return self._now
