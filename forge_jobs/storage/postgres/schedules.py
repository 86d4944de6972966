"""The Schedules port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from forge_jobs.model.crontab import KEPT_FIRES, Fire, Firing, Outcome, ScheduleRecord
from forge_jobs.model.job import Enqueued
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.errors import again
from forge_jobs.storage.postgres.producer import PostgresProducer
from forge_jobs.storage.reading import record


class PostgresSchedules:
    """Schedules and their fires."""

    def __init__(self, database: Database, producer: PostgresProducer) -> None:
        self._database = database
        self._producer = producer

    def all(self) -> list[ScheduleRecord]:
        """Return every schedule by name."""
        with self._database.single() as connection:
            return [_record(row) for row in self._database.run(connection, "schedules")]

    def get(self, name: str) -> ScheduleRecord | None:
        """Return one schedule, or None."""
        with self._database.single() as connection:
            rows = self._database.run(connection, "schedule", (name,))
            return _record(rows[0]) if rows else None

    def edit(
        self, name: str, change: Callable[[ScheduleRecord | None], ScheduleRecord | None]
    ) -> ScheduleRecord | None:
        """Store what ``change`` makes of a schedule, which nobody else changes or fires meanwhile; return it."""
        return again(lambda: self._edit(name, change))

    def _edit(
        self, name: str, change: Callable[[ScheduleRecord | None], ScheduleRecord | None]
    ) -> ScheduleRecord | None:
        with self._database.writing() as connection:
            rows = self._database.run(connection, "schedule_locked", (name,))
            before = _record(rows[0]) if rows else None
            after = change(before)
            if after is None:
                return before
            self._database.run(connection, "update_schedule" if before else "add_schedule", _row(after))
            return after

    def remove(self, name: str) -> bool:
        """Remove a schedule and its fires; False where there was none."""
        with self._database.writing() as connection:
            removed = bool(self._database.run(connection, "remove_schedule", (name,)))  # first: nobody fires it now
            self._database.run(connection, "remove_fires", (name,))
            return removed

    def fires(self, name: str, limit: int) -> list[Fire]:
        """Return the newest fires of a schedule, newest first."""
        with self._database.single() as connection:
            return [
                record(Fire, fire_at=fire_at, outcome=outcome, job_id=job_id)
                for fire_at, outcome, job_id in self._database.run(connection, "fires", (name, limit))
            ]

    def due(self, now: int, limit: int) -> list[ScheduleRecord]:
        """Return enabled schedules whose time has come, or is not known yet; those with an error last."""
        with self._database.single() as connection:
            return [_record(row) for row in self._database.run(connection, "due_schedules", (instant(now), limit))]

    def next_due(self, now: int) -> int | None:
        """Return the next instant after ``now`` at which an enabled schedule fires."""
        with self._database.single() as connection:
            ((found,),) = self._database.run(connection, "next_fire", (instant(now),))
            return None if found is None else int(found)

    def fire(self, firing: Firing) -> list[Fire] | None:
        """Store the jobs of a schedule's times, the times and the next one, in one transaction, and ring in it."""
        return again(lambda: self._fire(firing, self._database.clock.now()))

    def _fire(self, firing: Firing, now: int) -> list[Fire] | None:
        seen = firing.seen
        first, last = (firing.times[0][0], firing.times[-1][0]) if firing.times else (None, None)
        instants = map(instant, (seen.next_fire_at, seen.updated_at, firing.next_fire_at, first, last))
        fires = []
        with self._database.writing() as connection:
            if not self._database.run(connection, "advance_schedule", (seen.name, *instants)):
                return None
            for fire_at, job in firing.times:
                answer = self._producer.store(connection, [job], now)[0] if job else None
                fires.append(_told(fire_at, answer))
            self._remember(connection, seen.name, fires)
        return fires

    def _remember(self, connection: psycopg.Connection[Any], name: str, fires: Sequence[Fire]) -> None:
        rows = [(name, instant(fire.fire_at), fire.job_id, fire.outcome.value) for fire in fires]
        self._database.many(connection, "add_fire", rows)
        self._database.run(connection, "trim_fires", (name, KEPT_FIRES - 1))

    def note_error(self, name: str, error: str) -> None:
        """Store why a schedule did not fire."""
        with self._database.writing() as connection:
            self._database.run(connection, "note_schedule_error", (name, error))

    def restore(self, schedules: Sequence[tuple[ScheduleRecord, Sequence[Fire]]]) -> None:
        """Store schedules as they were in another database, with their fires."""
        with self._database.single() as connection:
            for schedule, fires in schedules:
                self._database.run(connection, "add_schedule", _row(schedule))
                self._remember(connection, schedule.name, fires)


def _told(fire_at: int, answer: Enqueued | None) -> Fire:
    if answer is None or answer.deduplicated:
        return Fire(fire_at=fire_at, outcome=Outcome.SKIPPED, job_id=answer.id if answer else None)
    return Fire(fire_at=fire_at, outcome=Outcome.FIRED, job_id=answer.id)


def _record(row: tuple[Any, ...]) -> ScheduleRecord:
    name, kind, payload, *rest = row
    queue, priority, max_attempts, expression, timezone, overlap, misfire, jitter, enabled = rest[:9]
    declared, next_fire_at, last_fire_at, last_error, created_at, updated_at = rest[9:]
    return record(
        ScheduleRecord,
        name=name,
        kind=kind,
        payload=payload,
        queue=queue,
        priority=priority,
        max_attempts=max_attempts,
        expression=expression,
        timezone=timezone,
        overlap=overlap,
        misfire=misfire,
        jitter=jitter,
        enabled=enabled,
        declared=declared,
        next_fire_at=next_fire_at,
        last_fire_at=last_fire_at,
        last_error=last_error,
        created_at=created_at,
        updated_at=updated_at,
    )


def _row(r: ScheduleRecord) -> tuple[object, ...]:
    return (
        *(r.name, r.kind, r.payload.decode(), r.queue, r.priority, r.max_attempts, r.expression, r.timezone),
        *(r.overlap.value, r.misfire.value, r.jitter, r.enabled, r.declared),
        *(instant(r.next_fire_at), instant(r.last_fire_at), r.last_error, instant(r.created_at), instant(r.updated_at)),
    )
