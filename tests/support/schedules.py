"""Short ways to say what a test is about: schedules and what they have made."""

from __future__ import annotations

from collections import Counter
from typing import Any

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.crontab import CATCH_UP, Misfire, Overlap, Schedule, ScheduleRecord
from forge_jobs.model.job import JobRecord
from forge_jobs.schedules import Fired, adding, declare, fire_due
from forge_jobs.storage import Storage
from tests.support.builders import ALL

MINUTE = 60 * MICROSECONDS


def a_schedule(name: str = "report", **options: Any) -> Schedule:
    """Return what may be said of a schedule; by default it fires every minute."""
    options = {"kind": "work", "expression": "* * * * *"} | options
    for field, choices in (("overlap", Overlap), ("misfire", Misfire)):
        if field in options:
            options[field] = choices(options[field])
    return Schedule(name=name, **options)


def add(storage: Storage, name: str = "report", **options: Any) -> ScheduleRecord:
    """Store a schedule as an operator does, and return it."""
    made = storage.schedules.edit(name, adding(a_schedule(name, **options), storage.clock.now()))
    assert made is not None
    return made


def said_by_code(storage: Storage, name: str = "report", **options: Any) -> list[str]:
    """Let code declare a schedule; return the names that changed."""
    return declare(storage.schedules, [a_schedule(name, **options)], storage.clock.now())


def fire(storage: Storage) -> Fired:
    """Fire what is due now, once."""
    return fire_due(storage.schedules, storage.clock.now())


def numbers(done: Fired) -> tuple[int, int, int, int]:
    """Return how many were fired, skipped, seeded, and how many failed."""
    return done.fired, done.skipped, done.seeded, len(done.errors)


def record_of(storage: Storage, name: str = "report") -> ScheduleRecord:
    """Return a schedule that must be there."""
    found = storage.schedules.get(name)
    assert found is not None
    return found


def fires(storage: Storage, name: str = "report") -> list[tuple[int, str]]:
    """Return the times of a schedule that have come and what became of them, in order."""
    return [(f.fire_at, f.outcome.value) for f in reversed(storage.schedules.fires(name, CATCH_UP))]


def jobs(storage: Storage) -> list[JobRecord]:
    """Return every job, oldest first."""
    return list(reversed(storage.operator.find(ALL, 10_000, None)[0]))


def times_made(storage: Storage) -> Counter[int]:
    """Return for which times jobs were made, and how many."""
    return Counter(job.scheduled_at for job in jobs(storage))
