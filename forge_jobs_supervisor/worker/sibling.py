"""Whether to leave jobs to a sibling that has none."""

from __future__ import annotations

from forge_jobs.clock import monotonic
from forge_jobs_supervisor.worker.seat import Seat

SIBLING_WAKES = 0.1
"""Seconds within which an idle worker takes the jobs that are left to it; one that does not is stopped."""


class Sibling:
    """Any other worker of the queue that is idle, and since when one has been."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._idle_since: float | None = None

    def wants_jobs(self) -> bool:
        """Whether to take one job only, since a sibling is idle: until it must have woken, or is stopped."""
        if not self._seat.sibling_idle:
            self._idle_since = None
            return False
        if self._idle_since is None:
            self._idle_since = monotonic()
        return monotonic() - self._idle_since < SIBLING_WAKES

    def forget(self) -> None:
        """Count anew: this worker has been idle itself."""
        self._idle_since = None
