"""The Producer port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from forge_jobs.model.job import Enqueued, NewJob
from forge_jobs.model.limits import KindRules
from forge_jobs.model.states import Gate
from forge_jobs.storage.admission import Key, admit, kind_rules
from forge_jobs.storage.alike import due_at, runs_of
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.sqlite.borrowed import Ring, borrowed
from forge_jobs.storage.sqlite.database import Connection, Database
from forge_jobs.storage.sqlite.doorbell import Bells
from forge_jobs.storage.sqlite.metrics import add_observed
from forge_jobs.storage.sqlite.rows import INLINE_BYTES, blob, json_text, text

FEW = 4
"""Jobs that are stored row by row sooner than by one statement."""


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
            self.ring(stored.rings)  # who wakes meanwhile waits for the turn to write, so until this is committed
        return stored.answers

    def ring(self, rings: Sequence[Ring]) -> None:
        """Tell the coordinators of jobs that were stored."""
        for ring in rings:
            self._bells.ring(*ring)

    def store(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> Stored:
        """Store jobs as part of a transaction that is open; to be rung for when it is committed."""
        return self._store_all(connection, jobs, now)

    def _store_all(self, connection: Connection, jobs: Sequence[NewJob], now: int) -> Stored:
        limited = {kind for (kind,) in self._database.run(connection, "limited_kinds")}
        answers: list[Enqueued] = []
        done = Done(now)
        for run in runs_of(jobs):
            kind = run[0].kind
            rules = kind_rules(self._database, connection, kind) if kind in limited else None
            if run[0].unique_key is not None or any(len(job.payload) > INLINE_BYTES for job in run):
                answers += [self._store(connection, job, rules, done) for job in run]
            else:
                self._store_run(connection, run, rules, done)
                answers += [Enqueued(job.id) for job in run]
        add_observed(connection, now, done.seen)
        done.ready.update(admit(self._database, connection, done.waiting))
        return Stored(answers, done.rings())

    def _store_run(self, connection: Connection, run: Sequence[NewJob], rules: KindRules | None, done: Done) -> None:
        """Store jobs that are alike, without a unique key, whose payloads fit their rows."""
        if rules is None and len(run) >= FEW:
            ids = blob("".join([job.id for job in run]))
            payloads = json_text([job.payload.decode() for job in run])
            self._database.run(connection, "enqueue_alike", (ids, payloads, *_terms(run[0], done.now, None)))
            done.note(run[0], None, len(run))
            return
        rows = []
        for job in run:
            key = _key(job, rules)
            rows.append((blob(job.id), *_terms(job, done.now, key), job.payload.decode(), key))
            done.note(job, key)
        self._database.many(connection, "enqueue_plain", rows)

    def _store(self, connection: Connection, job: NewJob, rules: KindRules | None, done: Done) -> Enqueued:
        large = len(job.payload) > INLINE_BYTES
        payload = job.payload.decode()
        key = _key(job, rules)
        values = (blob(job.id), *_terms(job, done.now, key), None if large else payload, key, job.unique_key)
        stored = self._database.run(connection, "enqueue", values)
        if not stored:
            ((holder,),) = self._database.run(connection, "unique_holder", (job.kind, job.unique_key))
            return Enqueued(text(holder), deduplicated=True)
        if large:
            self._database.run(connection, "body_payload", (stored[0][0], payload))
        done.note(job, key)
        return Enqueued(job.id)


class Done:
    """What an enqueue has stored so far: to be counted, to be given places, to be rung for."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.seen = Observations()
        self.waiting: set[Key] = set()
        self.ready: Counter[str] = Counter()
        self._due: dict[str, int] = {}

    def note(self, like: NewJob, key: str | None, number: int = 1) -> None:
        """Note so many jobs; ``key`` is their concurrency key, None where their kind has no limits."""
        self.seen.of(like.queue, like.kind).enqueued += number
        when = due_at(like, self.now)
        if when > self.now:
            self._due[like.queue] = min(when, self._due.get(like.queue, when))
        elif key is None:
            self.ready[like.queue] += number
        else:
            self.waiting.add((like.kind, key))

    def rings(self) -> list[Ring]:
        """Return what is to be rung: one ring for each queue."""
        return [(queue, self.ready[queue], self._due.get(queue)) for queue in self.ready.keys() | self._due.keys()]


def _key(job: NewJob, rules: KindRules | None) -> str | None:
    """Return a job's concurrency key, None where its kind has no limits."""
    return None if rules is None else rules.key_of(job.concurrency_key, job.payload)


def _terms(job: NewJob, now: int, key: str | None) -> tuple[object, ...]:
    """Return what a job's row says besides its id, payload and keys."""
    due = due_at(job, now)
    gate = Gate.WAITING if due > now else Gate.READY if key is None else Gate.FOR_KEY if key else Gate.FOR_KIND
    return (
        *(job.queue, job.kind, int(gate), job.priority, due, now, job.max_attempts),
        *(job.time_limit, job.expires_at, job.trace),
    )
