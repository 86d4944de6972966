"""The Archive port: everything as it is, for moving house."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import apsw

from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.records import ArchivedJob
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.rows import INLINE_BYTES, blob, json_text, record_of, settings_row


class SqliteArchive:
    """Reads and stores whole jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else write in the block; what it writes is committed at its end, or not at all."""
        with self._database.writing():
            yield

    def jobs(self, after: int, limit: int) -> list[tuple[int, ArchivedJob]]:
        """Return jobs in the order in which they were stored, with their keys, after a key."""
        found = []
        with self._database.reading() as connection:
            for row in self._database.run(connection, "archived_jobs", (after, limit)):
                errors = [entry for (entry,) in self._database.run(connection, "errors_of", (row[0],))]
                found.append(
                    (row[0], ArchivedJob(record=record_of(row, errors), crashes=row[26], holds_key=bool(row[27])))
                )
        return found

    def tallies(self) -> list[tuple[str, str, int]]:
        """Return the numbers of ended jobs and failed attempts, by queue and outcome."""
        with self._database.reading() as connection:
            return self._database.run(connection, "archived_tallies")

    def store(self, jobs: Sequence[ArchivedJob]) -> None:
        """Store jobs in this order."""
        with self._database.reading() as connection:
            for job in jobs:
                self._store(connection, job)

    def _store(self, connection: apsw.Connection, job: ArchivedJob) -> None:
        bodies = {"body_payload": job.record.payload, "body_result": job.record.result}
        large = {name: body.decode() for name, body in bodies.items() if body and len(body) > INLINE_BYTES}
        ((seq,),) = self._database.run(connection, "store_archived", _row(job, large))
        for name, body in large.items():
            self._database.run(connection, name, (seq, body))
        for number, entry in enumerate(job.record.error_history, 1):
            self._database.run(connection, "store_archived_error", (seq, number, json_text(entry)))

    def store_rest(self, queues: Sequence[QueueSettings], tallies: Sequence[tuple[str, str, int]]) -> None:
        """Store the queues' settings and the numbers of what has ended."""
        with self._database.reading() as connection:
            connection.executemany(statement("sqlite", "ensure_queue"), [settings_row(settings) for settings in queues])
            connection.executemany(statement("sqlite", "add_tally"), [(None, *tally) for tally in tallies])


def _row(job: ArchivedJob, large: dict[str, str]) -> tuple[object, ...]:
    r = job.record
    return (
        *(blob(r.id), r.queue, r.kind, r.status.value, None if r.gate is None else int(r.gate), r.priority),
        *(r.attempts, r.max_attempts, r.enqueued_at, r.scheduled_at, r.started_at, r.finished_at),
        *(r.cancel_requested_at, r.unique_key, r.process_id, r.claim_no, r.time_limit, r.expires_at, r.cpu_time),
        r.peak_memory,
        None if "body_payload" in large else r.payload.decode(),
        None if r.result is None or "body_result" in large else r.result.decode(),
        job.crashes,
        *(r.limit_key, r.throttles, r.trace, 1 if job.holds_key else None),
    )
