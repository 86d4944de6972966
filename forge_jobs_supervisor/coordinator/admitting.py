"""Giving out places of limits: when one is noted to be free, and when a rate limit has tokens again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forge_jobs.clock import monotonic
from forge_jobs.storage.limit_ports import Limits
from forge_jobs.storage.records import Glance
from forge_jobs_supervisor.coordinator.timetable import NEVER, Duty, Timetable
from forge_jobs_supervisor.coordinator.waking import LOOK_EVERY

KEYS = 100
"""Keys that are seen to in one transaction."""

AGAIN = 0.02
"""Seconds between looks at a rate limit that is refilled faster than that."""


class Admitter:
    """Every host does this for the whole database: whoever comes first gives the places out."""

    def __init__(self, limits: Limits, timetable: Timetable, wake: Callable[[Mapping[str, int]], None]) -> None:
        self._limits = limits
        self._timetable = timetable
        self._wake = wake
        timetable.add(Duty("admit", NEVER, self._admit, due=NEVER))

    def see(self, seen: Glance) -> None:
        """Give places out where a look has shown that there may be some."""
        if seen.admission:
            self._timetable.hasten("admit", monotonic())

    def _admit(self) -> None:
        admitted = self._limits.admit(KEYS)
        self._wake(admitted.ready)
        if admitted.more:
            self._timetable.hasten("admit", monotonic())
        elif admitted.wait is not None and admitted.wait < LOOK_EVERY:
            self._timetable.hasten("admit", monotonic() + max(admitted.wait, AGAIN))
