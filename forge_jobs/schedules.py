"""Firing what is due, and the changes that code and operators make to schedules, as pure steps over one record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from forge_jobs.errors import DatabaseBusy, DatabaseUnusable, ForgeJobsError, InvalidValue, SchemaMismatch
from forge_jobs.ids import new_job_id
from forge_jobs.model.crontab import Firing, Outcome, Schedule, ScheduleRecord, delay_of, first_fire, times_due
from forge_jobs.model.job import NewJob

if TYPE_CHECKING:
    from forge_jobs.storage.schedule_ports import Schedules

SLICE = 20
"""How many schedules are fired before the caller may see to something else."""

MAX_ERROR = 1000
Change = Callable[[ScheduleRecord | None], ScheduleRecord | None]


class Fired(msgspec.Struct, kw_only=True):
    """What one round did: numbers of jobs made, times skipped, schedules that got their first time, and errors.

    ``errors`` are sentences by schedule. ``next_due`` is when there is more to do, in microseconds since the epoch.
    """

    fired: int = 0
    skipped: int = 0
    seeded: int = 0
    errors: dict[str, str] = {}
    next_due: int | None = None


def fire_due(schedules: Schedules, now: int) -> Fired:
    """Fire every schedule whose time has come by ``now``, at most ``SLICE`` of them; may be called by many at once.

    What goes wrong with one is stored as its error, its time is tried again by the next call, and the others go on.
    Raises DatabaseError where the database is away.
    """
    done = Fired()
    due = schedules.due(now, SLICE)
    for record in due:
        try:
            _fire(schedules, record, now, done)
        except (DatabaseBusy, DatabaseUnusable, SchemaMismatch):
            raise  # nothing can be stored just now, whatever it is
        except (ForgeJobsError, ValueError, TypeError, ArithmeticError) as error:
            told = _sentence(error)
            if told != record.last_error:
                schedules.note_error(record.name, told)
            done.errors[record.name] = told
    done.next_due = now if len(due) == SLICE > len(done.errors) else schedules.next_due(now)
    return done


def _fire(schedules: Schedules, record: ScheduleRecord, now: int, done: Fired) -> None:
    if record.next_fire_at is None:
        schedules.edit(record.name, seeding(now))
        done.seeded += 1
        return
    fires = schedules.fire(firing_of(record, now))
    made = sum(fire.outcome is Outcome.FIRED for fire in fires or ())
    done.fired += made
    done.skipped += len(fires or ()) - made


def firing_of(record: ScheduleRecord, now: int) -> Firing:
    """Return what a schedule that is due does now; raise InvalidValue where its row cannot be read."""
    times, making, next_fire_at = times_due(record, now)
    return Firing(
        seen=record,
        times=[(time, job_of(record, time) if time in making else None) for time in times],
        next_fire_at=next_fire_at,
    )


def job_of(schedule: Schedule, fire_at: int | None) -> NewJob:
    """Return the job that a schedule makes: for one of its times, or at once."""
    return NewJob(
        id=new_job_id(),
        queue=schedule.queue,
        kind=schedule.kind,
        payload=schedule.payload,
        priority=schedule.priority,
        max_attempts=schedule.max_attempts,
        run_at=None if fire_at is None else fire_at + delay_of(schedule.name, fire_at, schedule.jitter),
        unique_key=schedule.unique_key,
    )


def declare(schedules: Schedules, declared: Sequence[Schedule], now: int) -> list[str]:
    """Let the database know what code says, where that is not what it said before; return the names that changed.

    What an operator has changed stays until the code changes; whether a schedule is enabled is the operator's alone.
    """
    known = {record.name: record.declared for record in schedules.all() if record.damage is None}
    changed = [schedule for schedule in declared if known.get(schedule.name) != schedule.digest()]
    for schedule in changed:
        schedules.edit(schedule.name, declaring(schedule, now))
    return [schedule.name for schedule in changed]


def declaring(said: Schedule, now: int) -> Change:
    """Return the change that code makes."""
    digest = said.digest()

    def change(record: ScheduleRecord | None) -> ScheduleRecord | None:
        if record is None:
            return _new(said, now, digest)
        if record.declared == digest and record.damage is None:
            return None
        return _changed(record, _fields(said), now, declared=digest, damage=None)

    return change


def adding(said: Schedule, now: int) -> Change:
    """Return the change that makes a new schedule; it raises InvalidValue where there is one of that name."""

    def change(record: ScheduleRecord | None) -> ScheduleRecord:
        if record is not None:
            raise InvalidValue(
                f"there is a schedule {said.name!r} already ({record.kind}, {record.expression}): change it with set, "
                "or choose another name"
            )
        return _new(said, now, None)

    return change


def seeding(now: int) -> Change:
    """Return the change that works out the next time where it is not known."""

    def change(record: ScheduleRecord | None) -> ScheduleRecord | None:
        if record is None or record.next_fire_at is not None or not record.enabled:
            return None
        found = first_fire(record, now)
        return None if found is None else msgspec.structs.replace(record, next_fire_at=found, last_error=None)

    return change


def changed_by(fields: dict[str, Any], record: ScheduleRecord, now: int) -> ScheduleRecord:
    """Return a schedule with some of its fields changed; where that changes when it fires, it fires after now."""
    return _changed(record, fields, now)


def _new(said: Schedule, now: int, digest: str | None) -> ScheduleRecord:
    record = ScheduleRecord(**_fields(said), declared=digest, created_at=now, updated_at=now)
    return msgspec.structs.replace(record, next_fire_at=first_fire(record, now))


def _changed(record: ScheduleRecord, fields: dict[str, Any], now: int, **more: Any) -> ScheduleRecord:
    after = msgspec.structs.replace(
        record, **fields, **more, updated_at=max(now, record.updated_at + 1), last_error=None
    )
    if not after.enabled:
        return msgspec.structs.replace(after, next_fire_at=None)
    same_times = (after.expression, after.timezone) == (record.expression, record.timezone)
    if same_times and record.next_fire_at is not None:
        return after
    return msgspec.structs.replace(after, next_fire_at=first_fire(after, now))


def _fields(said: Schedule) -> dict[str, Any]:
    return {name: getattr(said, name) for name in Schedule.__struct_fields__}


def _sentence(error: Exception) -> str:
    told = str(error) if isinstance(error, ForgeJobsError) else f"{type(error).__name__}: {error}"
    return told.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")[:MAX_ERROR]
