"""The Producer port."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from forge_jobs.model.job import Enqueued, NewJob
from forge_jobs.model.states import Gate
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.doorbell import Bells
from forge_jobs.storage.sqlite.rows import INLINE_BYTES, blob, text


class SqliteProducer:
    """Stores jobs and rings the coordinators."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells

    def enqueue(self, jobs: Sequence[NewJob]) -> list[Enqueued]:
        """Store all jobs, or none; answers in the order given."""
        if not jobs:
            return []
        now = self._database.clock.now()
        with self._database.writing() as connection:
            if all(job.unique_key is None and len(job.payload) <= INLINE_BYTES for job in jobs):
                connection.executemany(
                    statement("sqlite", "enqueue_plain"),
                    ((*self._row(job, now), job.payload.decode()) for job in jobs),
                )
                answers = [Enqueued(job.id) for job in jobs]
            else:
                answers = [self._store(connection, job, now) for job in jobs]
        self._ring([job for job, answer in zip(jobs, answers, strict=True) if not answer.deduplicated], now)
        return answers

    def _row(self, job: NewJob, now: int) -> tuple[object, ...]:
        due = _due(job, now)
        gate = Gate.READY if due <= now else Gate.WAITING
        return (
            *(blob(job.id), job.queue, job.kind, int(gate), job.priority, due, now, job.max_attempts),
            *(job.time_limit, job.expires_at),
        )

    def _store(self, connection: apsw.Connection, job: NewJob, now: int) -> Enqueued:
        large = len(job.payload) > INLINE_BYTES
        payload = job.payload.decode()
        values = (*self._row(job, now), job.unique_key, None if large else payload)
        stored = self._database.run(connection, "enqueue", values)
        if not stored:
            ((holder,),) = self._database.run(connection, "unique_holder", (job.kind, job.unique_key))
            return Enqueued(text(holder), deduplicated=True)
        if large:
            self._database.run(connection, "body_payload", (stored[0][0], payload))
        return Enqueued(job.id)

    def _ring(self, stored: Sequence[NewJob], now: int) -> None:
        ready: dict[str, int] = {}
        due: dict[str, int] = {}
        for job in stored:
            when = _due(job, now)
            if when <= now:
                ready[job.queue] = ready.get(job.queue, 0) + 1
            else:
                due[job.queue] = min(when, due.get(job.queue, when))
        for queue in ready.keys() | due.keys():
            self._bells.ring(queue, ready.get(queue, 0), due.get(queue))


def _due(job: NewJob, now: int) -> int:
    return now + (job.delay or 0) if job.run_at is None else job.run_at
