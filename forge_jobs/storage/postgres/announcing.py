"""Storing the jobs that carry events, inside the transaction that ends the jobs they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from forge_jobs.storage.announcing import End, event_jobs
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Connection, Database
from forge_jobs.storage.postgres.metrics import add_observed


def announce(database: Database, connection: Connection, ends: Iterable[End]) -> Counter[str]:
    """Store what is to be told of these ends; return how many jobs are ready for it, by queue."""
    jobs = list(event_jobs(database, connection, ends))
    now = instant(database.clock.now())
    rows = [(j.id, j.queue, j.kind, j.priority, now, j.max_attempts, j.payload.decode()) for j in jobs]
    database.many(connection, "store_event", rows)
    stored = Observations()
    stored.enqueued(jobs)
    add_observed(database, connection, database.clock.now(), stored)
    return Counter(job.queue for job in jobs)
