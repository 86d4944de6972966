"""Whoever sets wall clocks, by seconds or by an hour, forth and back."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from tests.support.wall_clock import WallClock

HOUR = 3600.0
AHEAD = (0.0, HOUR, -HOUR, 2.0, -2.0, 0.3, -0.3, HOUR / 2, -HOUR / 2)
"""Seconds ahead of the true time."""

EVERY = (1.0, 8.0)
"""Seconds between two changes."""


class Clocks:
    """The clock of the farms' machine, then that of the database's server if it is another one; or none at all."""

    def __init__(self, seed: str, clocks: Sequence[WallClock]) -> None:
        self._chance = random.Random(f"{seed}/clocks")
        self.all = clocks
        self._next = 0.0
        self.sets = 0

    def look(self) -> None:
        """Set one of them, if it is time."""
        now = time.monotonic()
        if self.all and now >= self._next:
            self._next = now + self._chance.uniform(*EVERY)
            self._chance.choice(self.all).set(self._chance.choice(AHEAD))
            self.sets += 1

    def run_late(self) -> None:
        """Set all so late that everything is due that was put off at whatever time it was then."""
        for clock in self.all:
            clock.set(2 * HOUR)
