"""The Producer port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forge_jobs.model.job import Enqueued, NewJob
from forge_jobs.model.states import Gate
from forge_jobs.storage.alike import are_alike, due_at
from forge_jobs.storage.postgres.adapting import Ids, Instants, JsonTexts, Numbers, instant
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
        one_statement = len(jobs) == 1 or not _have_keys(jobs)
        with self._database.single() if one_statement else self._database.writing() as connection:
            return self._store_all(connection, jobs, now)

    def store(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> list[Enqueued]:
        """Store jobs as part of a transaction of this storage's own, and ring in it."""
        return self._store_all(connection, jobs, now)

    def _store_all(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> list[Enqueued]:
        if len(jobs) == 1:
            return [self._store(connection, jobs[0], now, next(_rings(jobs, now), None))]
        if _have_keys(jobs):
            answers = self._store_with_keys(connection, jobs, now)
            for ring in _rings([j for j, a in zip(jobs, answers, strict=True) if not a.deduplicated], now):
                self._database.run(connection, "notify", (self._bells.channel, ring))
            return answers
        rings = list(_rings(jobs, now))
        if not are_alike(jobs) or not self._store_alike(connection, jobs, now, rings):
            self._store_many(connection, jobs, now, rings)
        return [Enqueued(job.id) for job in jobs]

    def _store_alike(self, connection: Connection, jobs: Sequence[NewJob], now: int, rings: list[str]) -> bool:
        like, due = jobs[0], due_at(jobs[0], now)
        values = (
            *(Ids([job.id for job in jobs]), JsonTexts([job.payload for job in jobs]), like.queue, like.kind),
            *(int(_gate(due, now)), like.priority, instant(due), instant(now), like.max_attempts, like.time_limit),
            *(instant(like.expires_at), like.trace, self._bells.channel, rings),
        )
        ((done, _rung),) = self._database.run(connection, "enqueue_alike", values)
        return bool(done)

    def _store_many(
        self, connection: Connection, jobs: Sequence[NewJob], now: int, rings: list[str]
    ) -> set[str | None]:
        """Store all but those whose key is held; return the ids of those with keys that were stored."""
        told = (self._bells.channel, rings, message(ATTENTION, 0, None, jobs[0].id))
        rows = self._database.run(connection, "enqueue_many", (*_columns(jobs, now), *told))
        return {job_id for (job_id,) in rows}

    def _store_with_keys(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> list[Enqueued]:
        answers = {job.id: Enqueued(job.id) for job in jobs}
        left = jobs
        for _ in range(TRIES):
            stored = self._store_many(connection, left, now, [])
            kept_out = [job for job in left if job.unique_key is not None and job.id not in stored]
            holders = self._holders(connection, kept_out) if kept_out else {}
            for job in kept_out:
                if holder := holders.get((job.kind, job.unique_key)):
                    answers[job.id] = Enqueued(holder, deduplicated=True)
            left = [job for job in kept_out if (job.kind, job.unique_key) not in holders]
            if not left:
                return [answers[job.id] for job in jobs]
        raise _always_free()

    def _holders(self, connection: Connection, jobs: Sequence[NewJob]) -> dict[tuple[str, str | None], str]:
        """Return the live jobs that hold the keys of these, by kind and key."""
        keys = ([job.kind for job in jobs], [job.unique_key for job in jobs])
        return {(kind, key): holder for kind, key, holder in self._database.run(connection, "unique_holders", keys)}

    def _store(self, connection: Connection, job: NewJob, now: int, ring: str | None) -> Enqueued:
        due = due_at(job, now)
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
        raise _always_free()


def _always_free() -> Contended:
    return Contended("a unique key was held and free again many times")


def _have_keys(jobs: Sequence[NewJob]) -> bool:
    return any(job.unique_key is not None for job in jobs)


def _rings(jobs: Sequence[NewJob], now: int) -> Iterator[str]:
    """Give what is to be said to the coordinators: one message for each queue."""
    ready: dict[str, int] = {}
    due: dict[str, int] = {}
    for job in jobs:
        when = due_at(job, now)
        if when <= now:
            ready[job.queue] = ready.get(job.queue, 0) + 1
        elif when < now + SOON:
            due[job.queue] = min(when, due.get(job.queue, when))
    for queue in ready.keys() | due.keys():
        yield message(queue, ready.get(queue, 0), due.get(queue), jobs[0].id)


def _columns(jobs: Sequence[NewJob], now: int) -> tuple[object, ...]:
    due = [due_at(job, now) for job in jobs]
    return (
        Ids([job.id for job in jobs]),
        [job.queue for job in jobs],
        [job.kind for job in jobs],
        Numbers([int(_gate(when, now)) for when in due]),
        Instants(due),
        instant(now),
        Numbers([job.priority for job in jobs]),
        Numbers([job.max_attempts for job in jobs]),
        Numbers([job.time_limit for job in jobs]),
        Instants([job.expires_at for job in jobs]),
        [job.payload.decode() for job in jobs],
        [job.concurrency_key for job in jobs],
        [job.trace for job in jobs],
        [job.unique_key for job in jobs],
    )


def _gate(due: int, now: int) -> Gate:
    return Gate.READY if due <= now else Gate.WAITING
