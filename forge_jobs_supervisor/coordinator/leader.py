"""The duties of the one coordinator that holds the cluster's lease."""

from __future__ import annotations

import logging

from forge_jobs.clock import MICROSECONDS, Clock, boottime_us, monotonic
from forge_jobs.storage.records import UNKNOWN_KIND, Glance, Unserved
from forge_jobs_supervisor.coordinator.crontab import Crontab
from forge_jobs_supervisor.coordinator.folding import Folder
from forge_jobs_supervisor.coordinator.stores import Stores
from forge_jobs_supervisor.coordinator.timetable import NEVER, Duty, Timetable
from forge_jobs_supervisor.coordinator.waking import hasten_for

_log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
LEASE_MARGIN = 1.0
"""Seconds before the lease's end at which its holder stops trusting it: two clocks do not run alike."""

LEAD_EVERY = 5.0
PRUNE_EVERY = 60.0
PRUNE_SLICE = 500
TROUBLES_EVERY = 60.0
LIMITS_EVERY = 60.0
LIMITS_SLICE = 500
UNUSED_FOR = 3600 * MICROSECONDS
"""After which a rate limit that was made by its use goes, once it is full."""

EXPIRE_SLICE = 500
EXPIRE_PAUSE = 0.05
PRUNE_PAUSE = 0.05
PARK_SLICE = 5000
PARK_PAUSE = 0.05


class Leader:
    """Takes or renews the lease; while it has it: schedules, retention, tallies, and what nobody serves."""

    def __init__(self, host_id: str, stores: Stores, timetable: Timetable, clock: Clock) -> None:
        self._host_id = host_id
        self._stores = stores
        self._timetable = timetable
        self._clock = clock
        self._leads_until = 0
        self._unserved: list[Unserved] = []
        self._troubles: set[str] = set()
        self._to_park: list[tuple[str, str]] = []
        timetable.add(
            Duty("lead", LEAD_EVERY, self._lead, patient=True),
            Duty("park", NEVER, self._park, due=NEVER),
            Duty("prune", PRUNE_EVERY, self._prune),
            Duty("troubles", TROUBLES_EVERY, self._tell_troubles),
            Duty("limits", LIMITS_EVERY, self._keep_limits, patient=True),
            Duty("expire", NEVER, self._expire, due=NEVER),
        )
        self._crontab = Crontab(stores.schedules, timetable, clock, lambda: self._leads)
        self._folder = Folder(stores.metrics, timetable, clock, lambda: self._leads)

    def resign(self) -> None:
        """Give the lease up, so that another need not wait for its end."""
        self._stores.leadership.resign(self._host_id)

    @property
    def _leads(self) -> bool:
        """Whether the lease is held; not trusted to its end, and over for one that was suspended in the meantime."""
        return boottime_us() < self._leads_until

    def see(self, seen: Glance) -> None:
        """Fire schedules when it is time, and end jobs that are too late."""
        if not self._leads:
            return
        self._crontab.see(seen)
        hasten_for(self._timetable, self._clock, "expire", seen.next_expiry)

    def _lead(self) -> None:
        asked_at = boottime_us()
        led = self._stores.leadership.lead(self._host_id, LEASE_SECONDS)
        self._leads_until = asked_at + round((LEASE_SECONDS - LEASE_MARGIN) * MICROSECONDS) if led else 0
        if not led:
            return
        self._stores.upkeep.fold_tallies()
        known = {(item.queue, item.kind) for item in self._unserved}
        self._unserved = self._stores.upkeep.park_unserved(PARK_SLICE)
        for item in self._unserved:
            if (item.queue, item.kind) not in known:
                _log.warning("%d jobs of kind %s wait in queue %s: %s", item.jobs, item.kind, item.queue, item.reason,
                             extra={"event": "jobs.unserved", "jobs": item.jobs})  # fmt: skip
        many = [item for item in self._unserved if item.reason == UNKNOWN_KIND and item.jobs > PARK_SLICE]
        self._to_park = [(item.queue, item.kind) for item in many]
        self._timetable.hasten("park", monotonic())

    def _park(self) -> None:
        """Take one more slice of jobs of an unknown kind out of the claims' way, until none is in it."""
        if not self._leads or not self._to_park:
            return
        if self._stores.upkeep.park(*self._to_park[0], PARK_SLICE) < PARK_SLICE:
            del self._to_park[0]
        if self._to_park:
            self._timetable.hasten("park", monotonic() + PARK_PAUSE)

    def _expire(self) -> None:
        """End jobs that are too late, one slice at a time."""
        if self._leads and self._stores.upkeep.expire(EXPIRE_SLICE) == EXPIRE_SLICE:
            self._timetable.hasten("expire", monotonic() + EXPIRE_PAUSE)

    def _tell_troubles(self) -> None:
        """Say once what slows the database."""
        found = self._stores.upkeep.troubles() if self._leads else []
        for trouble in found:
            if trouble.what not in self._troubles:
                _log.warning("%s", trouble.told, extra={"event": "database.trouble", "trouble": trouble.what})
        self._troubles = {trouble.what for trouble in found}

    def _keep_limits(self) -> None:
        """Give out places that nobody noted to be free, and forget what nobody uses."""
        if self._leads:
            self._stores.limits.sweep(LIMITS_SLICE)
            self._stores.limits.prune_rate_limits(self._clock.now() - UNUSED_FOR, LIMITS_SLICE)

    def _prune(self) -> None:
        if self._leads and self._stores.upkeep.prune(PRUNE_SLICE) == PRUNE_SLICE:
            self._timetable.hasten("prune", monotonic() + PRUNE_PAUSE)
