"""The Archive port: everything as it is, for moving house."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.rows import json_text, record_of, settings_row
from forge_jobs.storage.records import ArchivedJob


class PostgresArchive:
    """Reads and stores whole jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else write in the block; what it writes is committed at its end, or not at all."""
        with self._database.writing() as connection:
            self._database.run(connection, "take_time")
            self._database.run(connection, "lock_all")
            yield

    def jobs(self, after: int, limit: int) -> list[tuple[int, ArchivedJob]]:
        """Return jobs in the order in which they were stored, with their keys, after a key."""
        found = []
        with self._database.single() as connection:
            for row in self._database.run(connection, "archived_jobs", (after, limit)):
                errors = [entry for (entry,) in self._database.run(connection, "errors_of", (row[0],))]
                job = ArchivedJob(record=record_of(row, errors), crashes=row[26], holds_key=bool(row[27]))
                found.append((row[0], job))
        return found

    def tallies(self) -> list[tuple[str, str, int]]:
        """Return the numbers of ended jobs and failed attempts, by queue and outcome."""
        with self._database.single() as connection:
            return [tuple(row) for row in self._database.run(connection, "archived_tallies")]

    def store(self, jobs: Sequence[ArchivedJob]) -> None:
        """Store jobs in this order."""
        errors = [
            (job.record.id, number, json_text(entry))
            for job in jobs
            for number, entry in enumerate(job.record.error_history, 1)
        ]
        with self._database.single() as connection:
            self._database.many(connection, "store_archived", [_row(job) for job in jobs])
            self._database.many(connection, "store_archived_error", errors)

    def store_rest(self, queues: Sequence[QueueSettings], tallies: Sequence[tuple[str, str, int]]) -> None:
        """Store the queues' settings and the numbers of what has ended."""
        with self._database.single() as connection:
            self._database.many(connection, "ensure_queue", [settings_row(settings) for settings in queues])
            self._database.many(connection, "add_tally", [(None, *tally) for tally in tallies])


def _row(job: ArchivedJob) -> tuple[object, ...]:
    r = job.record
    gate = None if r.gate is None else int(r.gate)
    times = (r.enqueued_at, r.scheduled_at, r.started_at, r.finished_at, r.cancel_requested_at)
    return (
        *(r.id, r.queue, r.kind, r.status.value, gate, r.priority, r.attempts, r.max_attempts, *map(instant, times)),
        *(r.unique_key, r.process_id, r.claim_no, r.time_limit, instant(r.expires_at), r.cpu_time, r.peak_memory),
        *(r.payload.decode(), None if r.result is None else r.result.decode(), job.crashes),
        *(r.limit_key, r.throttles, r.trace, job.holds_key or None),
    )
