"""Schedules: the leader's duty to make jobs when their time comes."""

from __future__ import annotations

import logging
from collections.abc import Callable

from forge_jobs.clock import Clock
from forge_jobs.schedules import fire_due
from forge_jobs.storage.records import Glance
from forge_jobs.storage.schedule_ports import Schedules
from forge_jobs_supervisor.coordinator.timetable import NEVER, Duty, Timetable
from forge_jobs_supervisor.coordinator.waking import hasten_for

_log = logging.getLogger(__name__)


class Crontab:
    """Fires what is due while this host leads; several that believe to lead do no harm."""

    def __init__(self, schedules: Schedules, timetable: Timetable, clock: Clock, leads: Callable[[], bool]) -> None:
        self._schedules = schedules
        self._timetable = timetable
        self._clock = clock
        self._leads = leads
        self._told: dict[str, str] = {}
        timetable.add(Duty("fire", NEVER, self._fire, due=NEVER))

    def see(self, seen: Glance) -> None:
        """Be there when the next schedule fires."""
        hasten_for(self._timetable, self._clock, "fire", seen.next_fire)

    def _fire(self) -> None:
        if not self._leads():
            return
        done = fire_due(self._schedules, self._clock.now())
        self._tell(done.errors)
        hasten_for(self._timetable, self._clock, "fire", done.next_due)

    def _tell(self, errors: dict[str, str]) -> None:
        """Say once what keeps a schedule from firing."""
        for name, told in errors.items():
            if self._told.get(name) != told:
                _log.error("schedule %s did not fire and is tried again: %s", name, told)
        self._told = errors
