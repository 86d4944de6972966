"""Enqueueing, looking up, waiting for and operating on jobs, over one storage."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from forge_jobs.clock import as_datetime
from forge_jobs.errors import InvalidValue, JobFailed, JobNotFound, ResultTimeout
from forge_jobs.ids import new_job_id
from forge_jobs.model.job import Enqueued, ErrorEntry, JobRecord, NewJob
from forge_jobs.model.names import checked_moment, checked_priority, checked_queue
from forge_jobs.model.queue import QueueCounts
from forge_jobs.model.states import FINISHED, Status
from forge_jobs.options import EnqueueOptions, new_jobs
from forge_jobs.payload import decode_json, encode_arguments
from forge_jobs.showing import quoted
from forge_jobs.storage.records import Batch, Edit, JobFilter
from forge_jobs.verbs import Cancelled, Changed, changed_of, narrowed, operate
from forge_jobs.waiting import Waiters

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage

_UNFINISHED = (Status.FAILED, Status.PENDING, Status.IN_PROGRESS) * 2
"""In the order in which a job passes through them, and once more for those that went back meanwhile."""

Send = Callable[[Sequence[NewJob]], Sequence[Enqueued]]
"""Stores jobs."""


class Job:
    """One job as it stood when it was read; ``refresh`` reads it again."""

    def __init__(
        self, client: Client, job_id: str, record: JobRecord | None = None, *, deduplicated: bool = False
    ) -> None:
        self._client = client
        self._record = record
        self.id = job_id
        self.deduplicated = deduplicated

    def __repr__(self) -> str:
        known = f" {self._record.kind} {self._record.status}" if self._record else ""
        return f"<job {self.id}{known}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def refresh(self) -> Job:
        """Read the job again and return it; raise JobNotFound where it is gone."""
        self._record = self._client.record(self.id)
        return self

    @property
    def record(self) -> JobRecord:
        """The row, whole; read at first use."""
        if self._record is None:
            self.refresh()
        assert self._record is not None
        return self._record

    @property
    def kind(self) -> str:
        """Which handler runs it."""
        return self.record.kind

    @property
    def queue(self) -> str:
        """The queue it is in."""
        return self.record.queue

    @property
    def status(self) -> Status:
        """One of pending, in_progress, done, failed (waiting for its next attempt), dead."""
        return self.record.status

    @property
    def priority(self) -> int:
        """Lower runs first."""
        return self.record.priority

    @property
    def attempts(self) -> int:
        """How many attempts have begun."""
        return self.record.attempts

    @property
    def max_attempts(self) -> int:
        """After how many attempts it ends dead."""
        return self.record.max_attempts

    @property
    def unique_key(self) -> str | None:
        """The key it holds among the live jobs of its kind."""
        return self.record.unique_key

    @property
    def payload(self) -> Any:
        """Its arguments as plain JSON values; read again where a listing left them out for their size."""
        stored = self.record.payload
        return decode_json(self._client.record(self.id).payload if stored == b"null" else stored)

    @property
    def value(self) -> Any:
        """Its result as plain JSON values; None unless it is done. Read again where a listing left it out."""
        stored = self.record.result
        if stored is None and self.record.status is Status.DONE:
            stored = self._client.record(self.id).result
        return None if stored is None else decode_json(stored)

    @property
    def enqueued_at(self) -> datetime:
        """When it was stored."""
        return _moment(self.record.enqueued_at)

    @property
    def scheduled_at(self) -> datetime:
        """From when on it may run."""
        return _moment(self.record.scheduled_at)

    @property
    def started_at(self) -> datetime | None:
        """When its last attempt began."""
        return as_datetime(self.record.started_at)

    @property
    def finished_at(self) -> datetime | None:
        """When it ended for good."""
        return as_datetime(self.record.finished_at)

    @property
    def error_history(self) -> tuple[ErrorEntry, ...]:
        """How its attempts ended badly, oldest first; the newest 32."""
        return self.record.error_history

    def result(self, timeout: float | None = None) -> Any:
        """Wait until the job has ended and return its result.

        Raises JobFailed where it ended dead, ResultTimeout after ``timeout`` seconds, JobNotFound where it is gone.
        """
        status = self._client.wait(self.id, timeout)
        if status is None:
            raise ResultTimeout(f"job {self.id} had not ended after {timeout:g} s")
        record = self.refresh().record
        if record.status is Status.DEAD:
            raise JobFailed(self.id, record.kind, record.error_history[-1] if record.error_history else None)
        if record.status is not Status.DONE:  # an operator's retry came between
            return self.result(timeout)
        return self.value

    def cancel(self) -> str:
        """Stop the job for good; answers ``cancelled``, ``requested``, ``already_finished`` or ``not_found``.

        ``requested`` means that it is running: it is stopped within milliseconds, or killed when its handler's grace
        is over; it is not tried again. Its result stands if it succeeds all the same.
        """
        done = self._client.cancel(JobFilter(ids=[self.id]))
        return next(name for name in Cancelled.__struct_fields__ if getattr(done, name))

    def retry(self) -> bool:
        """Make a failed or dead job pending with a fresh budget; False where it is neither, or its key is held."""
        return bool(self._client.operate("retry", JobFilter(ids=[self.id])).changed)

    def delete(self) -> bool:
        """Remove the job unless it is running; answers whether it was removed."""
        return bool(self._client.operate("delete", JobFilter(ids=[self.id])).changed)

    def run_now(self) -> bool:
        """Let a job that waits for its time run at once; answers whether it did wait."""
        return bool(self._client.operate("run_now", JobFilter(ids=[self.id])).changed)

    def move(self, queue: str) -> bool:
        """Put the job into another queue; answers whether it did wait, and elsewhere."""
        return bool(self._client.operate("move", JobFilter(ids=[self.id]), checked_queue(queue)).changed)

    def edit(self, *, payload: Any = None, priority: int | None = None, run_at: datetime | None = None) -> bool:
        """Change a job that waits, and of it what is given; answers whether it did wait.

        ``payload`` replaces the whole payload, checked against the handler where that is known here. A ``run_at`` at
        which the job has expired changes nothing. Raises PayloadError, InvalidValue, JobNotFound.
        """
        wanted = JobFilter(ids=[self.id])
        return bool(self._client.edit(wanted, payload=payload, priority=priority, run_at=run_at).changed)


class Page(list[Job]):
    """A page of jobs, newest first; ``next`` is the cursor for the one after it, None at the end."""

    def __init__(self, jobs: Iterator[Job], cursor: int | None) -> None:
        super().__init__(jobs)
        self.next = cursor


class Client:
    """The producer's and the operator's side; the storage is asked for at first use."""

    def __init__(self, storage: Callable[[], Storage], encode: Callable[[str, Any], bytes] = encode_arguments) -> None:
        self._storage = storage
        self._encode = encode  # a payload of a kind as JSON, checked
        self.sending: Callable[[Send, Sequence[NewJob]], Sequence[Enqueued]] | None = None
        """Stands around each enqueue, if there is one: is given what stores jobs, and the jobs."""
        self._waiters = Waiters(self._statuses)

    def _statuses(self, job_ids: Sequence[str]) -> Mapping[str, Status]:
        return self._storage().operator.statuses(job_ids)

    def enqueue(self, kind: str, payload: bytes, options: EnqueueOptions, connection: object | None = None) -> Job:
        """Store one job; raise InvalidValue for an option out of range."""
        return self.enqueue_many([(kind, payload, options)], connection)[0]

    def enqueue_many(
        self, jobs: Sequence[tuple[str, bytes, EnqueueOptions]], connection: object | None = None
    ) -> builtins.list[Job]:
        """Store all jobs in one transaction (that of ``connection``), or none; answers in the same order."""
        new = new_jobs(jobs)

        def send(jobs: Sequence[NewJob]) -> Sequence[Enqueued]:
            return self._storage().producer.enqueue(jobs, connection)

        answers = self.sending(send, new) if self.sending else send(new)
        return [Job(self, answer.id, deduplicated=answer.deduplicated) for answer in answers]

    def record(self, job_id: str) -> JobRecord:
        """Return a job's row; raise JobNotFound."""
        record = self._storage().operator.get(job_id)
        if record is None:
            raise JobNotFound(f"there is no job {job_id} in {self._storage().location}")
        return record

    def get(self, job_id: str | UUID) -> Job:
        """Return a job; raise JobNotFound, or InvalidValue where the id is none."""
        checked = checked_id(job_id)
        return Job(self, checked, self.record(checked))

    def list(self, wanted: JobFilter, limit: int, before: int | None) -> Page:
        """Return a page of jobs that match, newest first."""
        records, cursor = self._storage().operator.find(wanted, limit, before)
        return Page((Job(self, record.id, record) for record in records), cursor)

    def counts(self) -> dict[str, QueueCounts]:
        """Return each queue's counts."""
        return self._storage().operator.counts()

    def wait(self, job_id: str, timeout: float | None) -> Status | None:
        """Wait until a job has ended; None when the time is over first; raise JobNotFound."""
        status = self._waiters.wait(job_id, FINISHED, timeout)
        if status is Waiters.GONE:
            raise JobNotFound(f"there is no job {job_id} in {self._storage().location}")
        assert status is None or isinstance(status, Status)
        return status

    def cancel(self, wanted: JobFilter) -> Cancelled:
        """Stop every job that matches for good; without a status or ids, those that are not finished."""
        whole = wanted.ids is None and wanted.status is None
        parts = [msgspec.structs.replace(wanted, status=s) for s in _UNFINISHED] if whole else [wanted]
        done = [self.operate("cancel", part) for part in parts]
        told: dict[str, builtins.list[str]] = {
            "cancelled": [i for batch in done for i in batch.changed],
            "requested": builtins.list(dict.fromkeys(i for batch in done for i in batch.requested)),
            "already_finished": [i for batch in done for i in batch.skipped],
        }
        known = {i for ids in told.values() for i in ids}
        return Cancelled(**told, not_found=[i for i in dict.fromkeys(wanted.ids or ()) if i not in known])

    def operate(self, verb: str, wanted: JobFilter, *more: object) -> Batch:
        """Do a verb to every job that matches, batch by batch; ``more`` is what the verb needs besides."""
        act = getattr(self._storage().operator, verb)
        return operate(lambda part, limit, after: act(part, limit, after, *more), wanted)

    def change(self, verb: str, wanted: JobFilter, *more: object) -> Changed:
        """Do ``retry``, ``delete``, ``run_now``, ``move`` or ``edit`` to every job that matches; say what was done."""
        return changed_of(self.operate(verb, narrowed(verb, wanted), *more), wanted.ids)

    def edit(
        self, wanted: JobFilter, *, payload: Any = None, priority: int | None = None, run_at: datetime | None = None
    ) -> Changed:
        """Change jobs that wait; raise InvalidValue or PayloadError, and JobNotFound for a payload of no job."""
        if payload is None and priority is None and run_at is None:
            raise InvalidValue("nothing to edit: say payload, priority or run_at")
        if payload is not None and (wanted.ids is None or len(wanted.ids) != 1):
            raise InvalidValue("a payload is one job's: name exactly one id")
        change = Edit(
            payload=None if payload is None else self._encode(self.record((wanted.ids or [""])[0]).kind, payload),
            priority=None if priority is None else checked_priority(priority),
            run_at=None if run_at is None else checked_moment(run_at, "run_at"),
        )
        return self.change("edit", wanted, change)


def checked_id(job_id: str | UUID) -> str:
    """Return a job id in its canonical form; raise InvalidValue."""
    try:
        return str(job_id if isinstance(job_id, UUID) else UUID(job_id))
    except (ValueError, AttributeError, TypeError):
        raise InvalidValue(f"{quoted(job_id)} is not a job id: it is a UUID such as {new_job_id()}") from None


def _moment(instant: int) -> datetime:
    moment = as_datetime(instant)
    assert moment is not None
    return moment
