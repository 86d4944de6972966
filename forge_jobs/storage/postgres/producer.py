"""The Producer port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forge_jobs.model.job import Enqueued, NewJob
from forge_jobs.model.states import Gate
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.borrowed import borrowed
from forge_jobs.storage.postgres.database import Connection, Database
from forge_jobs.storage.postgres.doorbell import ATTENTION, SOON, Bells, message
from forge_jobs.storage.postgres.errors import TRIES, Contended, again


class PostgresProducer:
    """Stores jobs and rings the coordinators, in one transaction."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells

    def enqueue(self, jobs: Sequence[NewJob], connection: object | None = None) -> list[Enqueued]:
        """Store all jobs, or none; answers in the order given."""
        if not jobs:
            return []
        if connection is not None:
            callers = borrowed(connection)
            with self._database.translating():
                self._database.set_clock(callers)
                return self._store_all(callers, jobs, self._database.clock.now())
        now = self._database.clock.now()
        return again(lambda: self._enqueue(jobs, now))

    def _enqueue(self, jobs: Sequence[NewJob], now: int) -> list[Enqueued]:
        one_statement = len(jobs) == 1 or not any(job.unique_key for job in jobs)
        with self._database.single() if one_statement else self._database.writing() as connection:
            return self._store_all(connection, jobs, now)

    def store(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> list[Enqueued]:
        """Store jobs as part of a transaction of this storage's own, and ring in it."""
        return self._store_all(connection, jobs, now)

    def _store_all(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> list[Enqueued]:
        if len(jobs) == 1:
            return [self._store(connection, jobs[0], now, next(_rings(jobs, now), None))]
        if any(job.unique_key for job in jobs):
            answers = [self._store(connection, job, now, None) for job in jobs]
            for ring in _rings([j for j, a in zip(jobs, answers, strict=True) if not a.deduplicated], now):
                self._database.run(connection, "notify", (self._bells.channel, ring))
            return answers
        rings = (self._bells.channel, list(_rings(jobs, now)), message(ATTENTION, 0, None, jobs[0].id))
        self._database.run(connection, "enqueue_plain", (*_columns(jobs, now), *rings))
        return [Enqueued(job.id) for job in jobs]

    def _store(self, connection: Connection, job: NewJob, now: int, ring: str | None) -> Enqueued:
        due = _due(job, now)
        values = (
            *(job.id, job.queue, job.kind, int(_gate(due, now)), job.priority, instant(due), instant(now)),
            *(job.max_attempts, job.time_limit, instant(job.expires_at), job.unique_key, job.payload.decode()),
            *(self._bells.channel, ring, job.concurrency_key, job.trace, message(ATTENTION, 0, None, job.id)),
        )
        for _ in range(TRIES):
            if self._database.run(connection, "enqueue", values):
                return Enqueued(job.id)
            holder = self._database.run(connection, "unique_holder", (job.kind, job.unique_key))
            if holder:
                return Enqueued(holder[0][0], deduplicated=True)
        raise Contended("a unique key was held and free again many times")


def _rings(jobs: Sequence[NewJob], now: int) -> Iterator[str]:
    """Give what is to be said to the coordinators: one message for each queue."""
    ready: dict[str, int] = {}
    due: dict[str, int] = {}
    for job in jobs:
        when = _due(job, now)
        if when <= now:
            ready[job.queue] = ready.get(job.queue, 0) + 1
        elif when < now + SOON:
            due[job.queue] = min(when, due.get(job.queue, when))
    for queue in ready.keys() | due.keys():
        yield message(queue, ready.get(queue, 0), due.get(queue), jobs[0].id)


def _columns(jobs: Sequence[NewJob], now: int) -> tuple[object, ...]:
    due = [_due(job, now) for job in jobs]
    return (
        [job.id for job in jobs],
        [job.queue for job in jobs],
        [job.kind for job in jobs],
        [int(_gate(when, now)) for when in due],
        [instant(when) for when in due],
        instant(now),
        [job.priority for job in jobs],
        [job.max_attempts for job in jobs],
        [job.time_limit for job in jobs],
        [instant(job.expires_at) for job in jobs],
        [job.payload.decode() for job in jobs],
        [job.concurrency_key for job in jobs],
        [job.trace for job in jobs],
    )


def _gate(due: int, now: int) -> Gate:
    return Gate.READY if due <= now else Gate.WAITING


def _due(job: NewJob, now: int) -> int:
    return now + (job.delay or 0) if job.run_at is None else job.run_at
