"""The Producer port."""

from __future__ import annotations

from collections.abc import Sequence

from forge_jobs.model.job import Enqueued, NewJob
from forge_jobs.model.states import Gate
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.borrowed import Ring, borrowed
from forge_jobs.storage.sqlite.database import Connection, Database
from forge_jobs.storage.sqlite.doorbell import Bells
from forge_jobs.storage.sqlite.rows import INLINE_BYTES, blob, text


class SqliteProducer:
    """Stores jobs and rings the coordinators."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells

    def enqueue(self, jobs: Sequence[NewJob], connection: object | None = None) -> list[Enqueued]:
        """Store all jobs, or none; answers in the order given."""
        if not jobs:
            return []
        now = self._database.clock.now()
        if connection is not None:
            callers = borrowed(connection, self._database.path)
            with self._database.translating():
                answers = self._store_all(callers, jobs, now)
            callers.ring_at_commit(self._bells.ring, _rings(jobs, answers, now))
            return answers
        with self._database.writing() as own:
            answers = self._store_all(own, jobs, now)
        self.ring(jobs, answers, now)
        return answers

    def store(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> list[Enqueued]:
        """Store jobs as part of a transaction of this storage's own; ``ring`` when it is committed."""
        return self._store_all(connection, jobs, now)

    def ring(self, jobs: Sequence[NewJob], answers: Sequence[Enqueued], now: int) -> None:
        """Tell the coordinators of jobs that were stored."""
        for ring in _rings(jobs, answers, now):
            self._bells.ring(*ring)

    def _store_all(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> list[Enqueued]:
        if all(job.unique_key is None and len(job.payload) <= INLINE_BYTES for job in jobs):
            connection.executemany(
                statement("sqlite", "enqueue_plain"),
                ((*self._row(job, now), job.payload.decode()) for job in jobs),
            )
            return [Enqueued(job.id) for job in jobs]
        return [self._store(connection, job, now) for job in jobs]

    def _row(self, job: NewJob, now: int) -> tuple[object, ...]:
        due = _due(job, now)
        gate = Gate.READY if due <= now else Gate.WAITING
        return (
            *(blob(job.id), job.queue, job.kind, int(gate), job.priority, due, now, job.max_attempts),
            *(job.time_limit, job.expires_at),
        )

    def _store(self, connection: Connection, job: NewJob, now: int) -> Enqueued:
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


def _rings(jobs: Sequence[NewJob], answers: Sequence[Enqueued], now: int) -> list[Ring]:
    """Return what is to be rung for the jobs that were stored: one ring for each queue."""
    ready: dict[str, int] = {}
    due: dict[str, int] = {}
    for job, answer in zip(jobs, answers, strict=True):
        when = _due(job, now)
        if answer.deduplicated:
            continue
        if when <= now:
            ready[job.queue] = ready.get(job.queue, 0) + 1
        else:
            due[job.queue] = min(when, due.get(job.queue, when))
    return [(queue, ready.get(queue, 0), due.get(queue)) for queue in ready.keys() | due.keys()]


def _due(job: NewJob, now: int) -> int:
    return now + (job.delay or 0) if job.run_at is None else job.run_at
