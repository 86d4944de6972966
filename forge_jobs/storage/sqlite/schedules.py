"""The Schedules port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from forge_jobs.model.crontab import KEPT_FIRES, Fire, Firing, Outcome, ScheduleRecord
from forge_jobs.model.job import Enqueued
from forge_jobs.storage.reading import record
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.borrowed import Ring
from forge_jobs.storage.sqlite.database import Connection, Database
from forge_jobs.storage.sqlite.producer import SqliteProducer
from forge_jobs.storage.sqlite.rows import blob, text


class SqliteSchedules:
    """Schedules and their fires."""

    def __init__(self, database: Database, producer: SqliteProducer) -> None:
        self._database = database
        self._producer = producer

    def all(self) -> list[ScheduleRecord]:
        """Return every schedule by name."""
        with self._database.reading() as connection:
            return [_record(row) for row in self._database.run(connection, "schedules")]

    def get(self, name: str) -> ScheduleRecord | None:
        """Return one schedule, or None."""
        with self._database.reading() as connection:
            return self._get(connection, name)

    def _get(self, connection: Connection, name: str) -> ScheduleRecord | None:
        rows = self._database.run(connection, "schedule", (name,))
        return _record(rows[0]) if rows else None

    def edit(
        self, name: str, change: Callable[[ScheduleRecord | None], ScheduleRecord | None]
    ) -> ScheduleRecord | None:
        """Store what ``change`` makes of a schedule, which nobody else changes or fires meanwhile; return it."""
        with self._database.writing() as connection:
            before = self._get(connection, name)
            after = change(before)
            if after is None:
                return before
            self._database.run(connection, "update_schedule" if before else "add_schedule", _row(after))
            return after

    def remove(self, name: str) -> bool:
        """Remove a schedule and its fires; False where there was none."""
        with self._database.writing() as connection:
            self._database.run(connection, "remove_fires", (name,))
            return bool(self._database.run(connection, "remove_schedule", (name,)))

    def fires(self, name: str, limit: int) -> list[Fire]:
        """Return the newest fires of a schedule, newest first."""
        with self._database.reading() as connection:
            return [
                record(Fire, fire_at=fire_at, outcome=outcome, job_id=None if job_id is None else text(job_id))
                for fire_at, outcome, job_id in self._database.run(connection, "fires", (name, limit))
            ]

    def due(self, now: int, limit: int) -> list[ScheduleRecord]:
        """Return enabled schedules whose time has come, or is not known yet; those with an error last."""
        with self._database.reading() as connection:
            return [_record(row) for row in self._database.run(connection, "due_schedules", (now, limit))]

    def next_due(self, now: int) -> int | None:
        """Return the next instant after ``now`` at which an enabled schedule fires."""
        with self._database.reading() as connection:
            ((instant,),) = self._database.run(connection, "next_fire", (now,))
            return instant if isinstance(instant, int) else None

    def fire(self, firing: Firing) -> list[Fire] | None:
        """Store the jobs of a schedule's times, the times and the next one, in one transaction; then ring."""
        seen, now = firing.seen, self._database.clock.now()
        first, last = (firing.times[0][0], firing.times[-1][0]) if firing.times else (None, None)
        values = (seen.name, seen.next_fire_at, seen.updated_at, firing.next_fire_at, first, last)
        rings: list[Ring] = []
        fires = []
        with self._database.writing() as connection:
            if not self._database.run(connection, "advance_schedule", values):
                return None
            for fire_at, job in firing.times:
                answer = None
                if job is not None:
                    stored = self._producer.store(connection, [job], now)
                    answer = stored.answers[0]
                    rings += stored.rings
                fires.append(_told(fire_at, answer))
            self._remember(connection, seen.name, fires)
        self._producer.ring(rings)
        return fires

    def _remember(self, connection: Connection, name: str, fires: Sequence[Fire]) -> None:
        rows = [(name, f.fire_at, None if f.job_id is None else blob(f.job_id), f.outcome.value) for f in fires]
        connection.executemany(statement("sqlite", "add_fire"), rows)
        self._database.run(connection, "trim_fires", (name, KEPT_FIRES - 1))

    def note_error(self, name: str, error: str) -> None:
        """Store why a schedule did not fire."""
        with self._database.writing() as connection:
            self._database.run(connection, "note_schedule_error", (name, error))

    def restore(self, schedules: Sequence[tuple[ScheduleRecord, Sequence[Fire]]]) -> None:
        """Store schedules as they were in another database, with their fires."""
        with self._database.reading() as connection:
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
        payload=payload.encode() if isinstance(payload, str) else payload,
        queue=queue,
        priority=priority,
        max_attempts=max_attempts,
        expression=expression,
        timezone=timezone,
        overlap=overlap,
        misfire=misfire,
        jitter=jitter,
        enabled=bool(enabled),
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
        *(r.overlap.value, r.misfire.value, r.jitter, int(r.enabled), r.declared, r.next_fire_at, r.last_fire_at),
        *(r.last_error, r.created_at, r.updated_at),
    )
