"""When a child that is missing is started, and when starting is given up: a policy on times that are given."""

from __future__ import annotations

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
LONGEST_PAUSE_ONCE_UP = 2.0
"""A farm that was up fails to boot workers because the database is away: it must be back soon after the database."""

YOUNG = 1.0
YOUNG_PAUSE = 0.5
TRIES = 3
"""Boot failures in a row, nobody having ever booted, after which the farm is given up."""


class Restarts:
    """Boot failures in a row delay the next start; anybody's success forgets them. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.ever_up = False
        self._failures = 0
        self._not_before = 0.0
        self._calm_until = 0.0

    def booted(self) -> None:
        """Note that a child has booted."""
        self.ever_up = True
        self._failures = 0
        self._not_before = 0.0

    def boot_failed(self, now: float) -> None:
        """Note that a child could not boot."""
        self._failures += 1
        longest = LONGEST_PAUSE_ONCE_UP if self.ever_up else LONGEST_PAUSE
        self._not_before = now + min(FIRST_PAUSE * 2 ** min(self._failures - 1, 30), longest)

    def died_young(self, now: float) -> None:
        """Note that a child died by itself right after it had booted: whoever does so for ever does so slowly."""
        self._calm_until = now + YOUNG_PAUSE

    @property
    def hopeless(self) -> bool:
        """Whether to stop trying: a farm that was up once stays up."""
        return not self.ever_up and self._failures >= TRIES

    def wait(self, now: float) -> float:
        """Return the seconds to wait before the next start."""
        return max(self._not_before - now, self._calm_until - now, 0.0)
