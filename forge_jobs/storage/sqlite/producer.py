"""The Producer port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from forge_jobs.model.job import Enqueued, NewJob
from forge_jobs.model.limits import KindRules
from forge_jobs.model.states import Gate
from forge_jobs.storage.admission import Key, admit, all_rules
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.borrowed import Ring, borrowed
from forge_jobs.storage.sqlite.database import Connection, Database
from forge_jobs.storage.sqlite.doorbell import Bells
from forge_jobs.storage.sqlite.metrics import add_observed
from forge_jobs.storage.sqlite.rows import INLINE_BYTES, blob, text


class Stored(NamedTuple):
    """The answers to an enqueue, and what is to be rung when it is committed."""

    answers: list[Enqueued]
    rings: list[Ring]


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
                stored = self._store_all(callers, jobs, now)
            callers.ring_at_commit(self._bells.ring, stored.rings)
            return stored.answers
        with self._database.writing() as own:
            stored = self.store(own, jobs, now)
        self.ring(stored.rings)
        return stored.answers

    def ring(self, rings: Sequence[Ring]) -> None:
        """Tell the coordinators of jobs that were stored."""
        for ring in rings:
            self._bells.ring(*ring)

    def store(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> Stored:
        """Store jobs as part of a transaction that is open; to be rung for when it is committed."""
        return self._store_all(connection, jobs, now)

    def _store_all(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> Stored:
        rules = {kind: each for kind, each in all_rules(self._database, connection).items() if each.limited}
        if all(job.unique_key is None and len(job.payload) <= INLINE_BYTES for job in jobs):
            connection.executemany(
                statement("sqlite", "enqueue_plain"),
                ((*self._row(job, now, rules), job.payload.decode()) for job in jobs),
            )
            answers = [Enqueued(job.id) for job in jobs]
        else:
            answers = [self._store(connection, job, now, rules) for job in jobs]
        stored = [job for job, answer in zip(jobs, answers, strict=True) if not answer.deduplicated]
        seen = Observations()
        seen.enqueued(stored)
        add_observed(connection, now, seen)
        return Stored(answers, self._rings(connection, stored, now, rules))

    def _row(self, job: NewJob, now: int, rules: Mapping[str, KindRules]) -> tuple[object, ...]:
        due, key = _due(job, now), _key(job, rules)
        gate = Gate.WAITING if due > now else Gate.READY if key is None else Gate.FOR_KEY if key else Gate.FOR_KIND
        return (
            *(blob(job.id), job.queue, job.kind, int(gate), job.priority, due, now, job.max_attempts),
            *(job.time_limit, job.expires_at, key, job.trace),
        )

    def _rings(
        self, connection: Connection, stored: Sequence[NewJob], now: int, rules: Mapping[str, KindRules]
    ) -> list[Ring]:
        """Give places to the jobs that were stored; return what is to be rung: one ring for each queue."""
        ready: Counter[str] = Counter()
        due: dict[str, int] = {}
        waiting: set[Key] = set()
        for job in stored:
            when, key = _due(job, now), _key(job, rules)
            if when > now:
                due[job.queue] = min(when, due.get(job.queue, when))
            elif key is None:
                ready[job.queue] += 1
            else:
                waiting.add((job.kind, key))
        ready.update(admit(self._database, connection, waiting))
        return [(queue, ready[queue], due.get(queue)) for queue in ready.keys() | due.keys()]

    def _store(self, connection: Connection, job: NewJob, now: int, rules: Mapping[str, KindRules]) -> Enqueued:
        large = len(job.payload) > INLINE_BYTES
        payload = job.payload.decode()
        values = (*self._row(job, now, rules), job.unique_key, None if large else payload)
        stored = self._database.run(connection, "enqueue", values)
        if not stored:
            ((holder,),) = self._database.run(connection, "unique_holder", (job.kind, job.unique_key))
            return Enqueued(text(holder), deduplicated=True)
        if large:
            self._database.run(connection, "body_payload", (stored[0][0], payload))
        return Enqueued(job.id)


def _key(job: NewJob, rules: Mapping[str, KindRules]) -> str | None:
    """Return a job's concurrency key, None where its kind has no limits."""
    of_kind = rules.get(job.kind)
    return None if of_kind is None else of_kind.key_of(job.concurrency_key, job.payload)


def _due(job: NewJob, now: int) -> int:
    return now + (job.delay or 0) if job.run_at is None else job.run_at
