"""Storing the jobs that carry events, inside the transaction that ends the jobs they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from forge_jobs.storage.announcing import End, event_jobs
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.sqlite.database import Connection, Database
from forge_jobs.storage.sqlite.metrics import add_observed
from forge_jobs.storage.sqlite.rows import INLINE_BYTES, blob


def announce(database: Database, connection: Connection, ends: Iterable[End]) -> Counter[str]:
    """Store what is to be told of these ends; return how many jobs are ready for it, by queue."""
    ready: Counter[str] = Counter()
    now = database.clock.now()
    jobs = list(event_jobs(database, connection, ends))
    for job in jobs:
        payload = job.payload.decode()
        large = len(job.payload) > INLINE_BYTES
        row = (blob(job.id), job.queue, job.kind, job.priority, now, job.max_attempts, None if large else payload)
        ((seq,),) = database.run(connection, "store_event", row)
        if large:
            database.run(connection, "body_payload", (seq, payload))
        ready[job.queue] += 1
    stored = Observations()
    stored.enqueued(jobs)
    add_observed(connection, now, stored)
    return ready
