"""The Operator port: look-ups, counts, and the verbs of the command line in bounded batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import apsw
import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.job import ErrorEntry, JobRecord
from forge_jobs.model.queue import QueueCounts
from forge_jobs.model.states import DELETABLE, RETRYABLE, WAITING, Cause, Event, Status, after
from forge_jobs.storage.admission import Key, admit, rekey
from forge_jobs.storage.announcing import End
from forge_jobs.storage.noting import Tally
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.records import Batch, Edit, JobFilter, WorkerView
from forge_jobs.storage.sqlite.announcing import announce
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.doorbell import Bells
from forge_jobs.storage.sqlite.hand_in import add_error, add_tallies
from forge_jobs.storage.sqlite.metrics import add_observed
from forge_jobs.storage.sqlite.rows import INLINE_BYTES, blob, ids_json, record_of, text

_NEWEST = 2**63 - 1
COUNT_SLICE = 50_000
"""How many jobs are read in one go where those are counted that match: some ten milliseconds."""

Change = Callable[[apsw.Connection, Any, Tally, int], str]
"""Does a verb to one row of ``select_by_filter.sql``, now; answers ``changed``, ``requested`` or ``skipped``."""


class SqliteOperator:
    """Every verb reads its batch first and holds the write lock only for the change."""

    def __init__(
        self, database: Database, bells: Bells, live_workers: Callable[[apsw.Connection], list[WorkerView]]
    ) -> None:
        self._database = database
        self._bells = bells
        self._live_workers = live_workers

    def get(self, job_id: str) -> JobRecord | None:
        """Return the job, whole, or None."""
        with self._database.snapshot() as connection:
            rows = self._database.run(connection, "get", (blob(job_id),))
            return record_of(rows[0], self._errors(connection, rows[0][0])) if rows else None

    def statuses(self, job_ids: Sequence[str]) -> Mapping[str, Status]:
        """Return the status of each job that exists."""
        with self._database.reading() as connection:
            rows = self._database.run(connection, "statuses", (ids_json(list(job_ids)),))
        return {text(job_id): Status(status) for job_id, status in rows}

    def find(self, wanted: JobFilter, limit: int, before: int | None) -> tuple[list[JobRecord], int | None]:
        """Return at most ``limit`` jobs, newest first, and the cursor for more or None."""
        values = (_NEWEST if before is None else before, *self._filter_values(wanted), limit + 1)
        with self._database.snapshot() as connection:
            if wanted.ids is None:
                rows = self._database.run(connection, "find", values)
            else:
                rows = self._database.run(connection, "find_by_id", (*values, ids_json(list(wanted.ids))))
            records = [record_of(row, self._errors(connection, row[0])) for row in rows[:limit]]
        return records, rows[limit - 1][0] if len(rows) > limit else None

    def counts(self) -> dict[str, QueueCounts]:
        """Return each queue's counts without reading finished jobs."""
        now = self._database.clock.now()
        found: dict[str, dict[str, Any]] = {}
        with self._database.snapshot() as connection:
            for row in self._database.run(connection, "queues"):
                found[row[0]] = {"paused": bool(row[1])}
            self._count_waiting(connection, found)
            for queue, number in self._database.run(connection, "count_running"):
                found.setdefault(queue, {})["in_progress"] = number
            for queue, outcome, number in self._database.run(connection, "count_ended"):
                found.setdefault(queue, {})[outcome] = number
            for worker in self._live_workers(connection):
                seen = found.setdefault(worker.queue, {})
                seen["workers"] = seen.get("workers", 0) + 1
                seen["held"] = seen.get("held", 0) + worker.held
            for queue, seen in found.items():
                ((oldest,),) = self._database.run(connection, "oldest_ready", (queue,))
                seen["oldest_ready_seconds"] = None if oldest is None else max(now - oldest, 0) / MICROSECONDS
                seen["held"] = min(seen.get("held", 0), seen.get("in_progress", 0))
        return {str(queue): QueueCounts(**seen) for queue, seen in sorted(found.items(), key=repr)}

    def _count_waiting(self, connection: apsw.Connection, found: dict[str, dict[str, Any]]) -> None:
        for name, field in (
            ("count_ready", "pending"),
            ("count_due", "scheduled"),
            ("count_shut", "pending"),
        ):
            for queue, status, number in self._database.run(connection, name):
                seen = found.setdefault(queue, {})
                field_of = "failed" if status == Status.FAILED else field
                seen[field_of] = seen.get(field_of, 0) + number

    def cancel(self, wanted: JobFilter, limit: int, after: int) -> Batch:
        """End waiting jobs as dead with cause ``cancelled``; ask for running ones; skip finished ones."""
        return self._batch(wanted, limit, after, self._cancel)

    def _cancel(self, connection: apsw.Connection, row: Any, tally: Tally, now: int) -> str:
        seq, _id, status, queue, *_ = row
        if status in WAITING:
            assert after(Status(status), Event.CANCEL) is Status.DEAD
            ((kind,),) = self._database.run(connection, "cancel_waiting", (now, seq))
            self._dropped.dropped(queue, kind, Cause.CANCELLED)
            add_error(self._database, connection, seq, _cancelled(row, now))
            tally[queue, "dead"] += 1
            return "changed"
        if status == Status.IN_PROGRESS:
            self._database.run(connection, "cancel_running", (now, seq))
            return "requested"
        return "skipped"

    def retry(self, wanted: JobFilter, limit: int, after: int) -> Batch:
        """Make failed and dead jobs pending with a fresh budget; skip those whose unique key is held."""
        return self._batch(wanted, limit, after, self._retry, rings=True)

    def _retry(self, connection: apsw.Connection, row: Any, tally: Tally, now: int) -> str:
        seq, _id, status, queue, *_ = row
        if status not in RETRYABLE:
            return "skipped"
        before = connection.total_changes()
        self._database.run(connection, "retry", (now, seq))
        if connection.total_changes() == before:
            return "skipped"
        if status == Status.DEAD:
            tally[queue, "dead"] -= 1
        return "changed"

    def delete(self, wanted: JobFilter, limit: int, after: int) -> Batch:
        """Remove jobs that are not running; skip those that are."""
        return self._batch(wanted, limit, after, self._delete)

    def _delete(self, connection: apsw.Connection, row: Any, tally: Tally, _now: int) -> str:
        seq, _id, status, queue, *_ = row
        if status not in DELETABLE:
            return "skipped"
        for name in ("remove_body", "remove_errors", "remove_job"):
            self._database.run(connection, name, (seq,))
        if status in (Status.DONE, Status.DEAD):
            tally[queue, status] -= 1
        return "changed"

    def run_now(self, wanted: JobFilter, limit: int, after: int) -> Batch:
        """Make jobs that wait for their time ready; skip all others."""
        return self._batch(wanted, limit, after, self._run_now, rings=True)

    def _run_now(self, connection: apsw.Connection, row: Any, _tally: Tally, now: int) -> str:
        before = connection.total_changes()
        self._database.run(connection, "run_now", (now, row[0]))
        return "skipped" if connection.total_changes() == before else "changed"

    def move(self, wanted: JobFilter, limit: int, after: int, queue: str) -> Batch:
        """Put jobs that wait into another queue and ring there; skip all others, and those that are in it."""

        def move(connection: apsw.Connection, row: Any, _tally: Tally, _now: int) -> str:
            before = connection.total_changes()
            self._database.run(connection, "move", (queue, row[0]))
            return "skipped" if connection.total_changes() == before else "changed"

        return self._batch(wanted, limit, after, move, rings=True, to=queue)

    def edit(self, wanted: JobFilter, limit: int, after: int, change: Edit) -> Batch:
        """Change jobs that wait and ring; skip all others, and those that expire before their new time."""
        payload = None if change.payload is None else change.payload.decode()
        large = change.payload is not None and len(change.payload) > INLINE_BYTES

        def edit(connection: apsw.Connection, row: Any, _tally: Tally, now: int) -> str:
            before = connection.total_changes()
            values = (payload is not None, None if large else payload, change.priority, change.run_at, now, row[0])
            self._database.run(connection, "edit", values)
            if connection.total_changes() == before:
                return "skipped"
            if payload is not None:
                self._database.run(connection, "remove_body", (row[0],))
            if large:
                self._database.run(connection, "body_payload", (row[0], payload))
            rekey(self._database, connection, row, change.payload)
            return "changed"

        return self._batch(wanted, limit, after, edit, rings=True, due=change.run_at)

    def count(self, wanted: JobFilter, after: int) -> tuple[Mapping[Status, int], int | None]:
        """Return how many of the next slice of jobs match, by status, and the cursor of the following one or None."""
        values = (after or _NEWEST, *self._filter_values(wanted), COUNT_SLICE)
        with self._database.reading() as connection:
            *found, (_none, read, last) = self._database.run(connection, "count_by_filter", values)
        return {Status(status): jobs for status, jobs, _ in found}, last if read == COUNT_SLICE else None

    def _batch(
        self, wanted: JobFilter, limit: int, after: int, change: Change, *, rings: bool = False, to: str = "",
        due: int | None = None,
    ) -> Batch:  # fmt: skip
        """Do a verb to the next batch, newest first: of several dead jobs with one unique key the newest is revived.

        A ring goes to the queue ``to`` if one is given, and says that they are ``due`` later.
        """
        rows = self._select(wanted, limit, after)
        done: dict[str, list[str]] = {"changed": [], "requested": [], "skipped": []}
        if rows:
            tally: Tally = Counter()
            ready: Counter[str] = Counter()
            touched: set[Key] = set()
            told: list[End] = []
            ids = msgspec.structs.replace(wanted, ids=[text(row[1]) for row in rows])
            with self._database.writing() as connection:
                now = self._database.clock.now()
                self._dropped = Observations()
                for row in self._selected(connection, ids, limit, after):
                    answer = change(connection, row, tally, now)
                    done[answer].append(text(row[1]))
                    if change == self._cancel and answer == "changed":
                        told.append(End(text(row[1]), row[5], row[3], row[4], Status.DEAD, now, _cancelled(row, now)))
                    if answer == "changed" and row[6] is not None:
                        touched.add((row[5], row[6]))
                    elif rings and answer == "changed":
                        ready[to or row[3]] += 1
                add_tallies(connection, None, tally)
                add_observed(connection, now, self._dropped)
                admitted = admit(self._database, connection, touched)
                admitted.update(announce(self._database, connection, told))
            for queue, jobs in ready.items():
                self._bells.ring(queue, *((0, due) if due is not None and due > now else (jobs, None)))
            for queue, jobs in admitted.items():
                self._bells.ring(queue, jobs, None)
            if done["requested"]:
                self._bells.call()
        seen = {job_id for ids in done.values() for job_id in ids}
        missed = tuple(text(row[1]) for row in rows if text(row[1]) not in seen)
        return Batch(**done, missed=missed, next=rows[-1][0] if len(rows) == limit else None)

    def _select(self, wanted: JobFilter, limit: int, after: int) -> list[Any]:
        with self._database.reading() as connection:
            return self._selected(connection, wanted, limit, after)

    def _selected(self, connection: apsw.Connection, wanted: JobFilter, limit: int, after: int) -> list[Any]:
        values = (after or _NEWEST, *self._filter_values(wanted), limit)
        if wanted.ids is None:
            return self._database.run(connection, "select_by_filter", values)
        return self._database.run(connection, "select_by_id", (*values, ids_json(list(wanted.ids))))

    def _errors(self, connection: apsw.Connection, seq: int) -> list[str]:
        return [entry for (entry,) in self._database.run(connection, "errors_of", (seq,))]

    def _filter_values(self, wanted: JobFilter) -> tuple[object, ...]:
        older = None if wanted.older_than is None else self._database.clock.now() - wanted.older_than
        statuses = None if wanted.any_of is None else " ".join(wanted.any_of)  # none is a part of another
        return (statuses, wanted.queue, wanted.kind, wanted.error, older)


def _cancelled(row: Any, now: int) -> ErrorEntry:
    """Return what the error history of a job says that was cancelled while it waited."""
    return ErrorEntry(at=now, attempt=row[4], cause=Cause.CANCELLED, message="cancelled before it ran")
