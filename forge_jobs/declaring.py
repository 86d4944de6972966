"""Writing into the database what an application's code declares."""

from __future__ import annotations

from typing import Protocol

from forge_jobs.model.declared import Declared
from forge_jobs.schedules import declare as declare_schedules
from forge_jobs.storage.limit_ports import Limits
from forge_jobs.storage.schedule_ports import Schedules


class Stores(Protocol):
    """What is needed of a storage."""

    @property
    def limits(self) -> Limits: ...
    @property
    def schedules(self) -> Schedules: ...


def declare(stores: Stores, declared: Declared, now: int) -> list[str]:
    """Write it; return the names of the schedules of which the code says something else than before."""
    stores.limits.declare(declared.rules, declared.rate_limits)
    return list(declare_schedules(stores.schedules, declared.schedules, now)) if declared.schedules else []
