"""A clock that leaves out this process's own pauses."""

from __future__ import annotations

from forge_jobs.clock import monotonic

PAUSE = 1.0
"""Seconds by which a wait must be overdue to count as a pause: stopped, frozen, or moved to another machine."""

SETTLING = 2.0
"""Seconds that others have, after a pause, to show that they live."""


class AwakeClock:
    """Monotonic seconds, less the time in which this process stood still: then nobody can be late by its judgement."""

    def __init__(self) -> None:
        self._paused = 0.0
        self._last = monotonic()
        self._paused_at = float("-inf")

    def now(self) -> float:
        """Return the time."""
        return monotonic() - self._paused

    def at(self, instant: float) -> float:
        """Return a monotonic time that was written down elsewhere as a time of this clock."""
        return instant - self._paused

    def waited(self, expected: float) -> float:
        """Note the end of a wait of at most ``expected`` seconds; return the pause that was in it."""
        now = monotonic()
        pause = now - self._last - expected
        self._last = now
        if pause < PAUSE:
            return 0.0
        self._paused += pause
        self._paused_at = now
        return pause

    @property
    def just_paused(self) -> bool:
        """Whether the others may not have moved since this process goes on."""
        return monotonic() - self._paused_at < SETTLING
