"""What an operator does to jobs, as methods of the front door: by id, or to all that match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from forge_jobs.client import Client, checked_id
from forge_jobs.errors import InvalidValue, JobNotFound
from forge_jobs.model.durations import checked_duration
from forge_jobs.model.names import checked_kind, checked_queue
from forge_jobs.model.states import Status
from forge_jobs.model.why import Why, why
from forge_jobs.showing import quoted
from forge_jobs.storage.records import JobFilter
from forge_jobs.verbs import BATCH, Cancelled, Changed, count

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage

Age = str | float | timedelta
"""A text such as "2d", seconds, or a timedelta."""

MAX_ERROR_TEXT = 8_000


class Operating:
    """The verbs. Each takes ids, or filters of which all given ones must match, or both.

    ``status``, ``queue`` and ``kind`` must be equal. ``error`` is contained in the newest message of the job's error
    history, letter by letter: capitals matter, nothing is a pattern. ``older_than`` is the time since the job ended,
    or, while it has not, since it was stored. Without ids and filters each raises InvalidValue, so that nothing
    happens to all jobs by a slip. Jobs are changed in transactions of at most 500, newest first.
    """

    client: Client

    @property
    def storage(self) -> Storage:
        """The storage behind it."""
        raise NotImplementedError

    def cancel(
        self,
        *job_ids: str | UUID,
        status: Status | str | None = None,
        queue: str | None = None,
        kind: str | None = None,
        error: str | None = None,
        older_than: Age | None = None,
    ) -> Cancelled:
        """Stop jobs for good: those named, or all that match and have not finished; say what was done to each.

        A job that has not begun never will. One that is running is stopped as ``Job.cancel`` says.
        """
        return self.client.cancel(
            _some("cancel", job_ids, status=status, queue=queue, kind=kind, error=error, older_than=older_than)
        )

    def retry(self, *job_ids: str | UUID, **filters: Any) -> Changed:
        """Make failed and dead jobs pending with a fresh budget of attempts.

        Skipped are those whose unique key is held by another live job; of several dead ones with one key the newest
        is revived.
        """
        return self.client.change("retry", _some("retry", job_ids, **filters))

    def delete(self, *job_ids: str | UUID, **filters: Any) -> Changed:
        """Remove jobs with all that belongs to them; those that are running are skipped."""
        return self.client.change("delete", _some("delete", job_ids, **filters))

    def run_now(self, *job_ids: str | UUID, **filters: Any) -> Changed:
        """Let jobs that wait for their time, or for their next attempt, run at once."""
        return self.client.change("run_now", _some("run_now", job_ids, **filters))

    def move(self, *job_ids: str | UUID, to: str, **filters: Any) -> Changed:
        """Put jobs that wait into the queue ``to``; those that are running or finished are skipped.

        They keep priority, time and place. The queue need not be there: a supervisor that serves it creates it.
        """
        return self.client.change("move", _some("move", job_ids, **filters), checked_queue(to))

    def edit(
        self,
        *job_ids: str | UUID,
        payload: Any = None,
        priority: int | None = None,
        run_at: datetime | None = None,
        **filters: Any,
    ) -> Changed:
        """Change jobs that wait, and of them what is given; those that are running or finished are skipped.

        ``payload`` replaces the whole payload of one job, and is checked against its handler where that is known.
        ``run_at`` is an aware datetime; jobs that expire before it are skipped. Raises PayloadError, InvalidValue,
        and JobNotFound for a payload of no job.
        """
        wanted = _some("edit", job_ids, **filters)
        return self.client.edit(wanted, payload=payload, priority=priority, run_at=run_at)

    def clean(self, queue: str | None = None) -> Iterator[Mapping[tuple[str, str], int]]:
        """Remove the finished jobs that their queue keeps no longer, of one queue if one is named.

        Gives for each transaction, as it is done, how many went of each (queue, status). A running farm does that by
        itself.
        """
        name = None if queue is None else checked_queue(queue)
        while gone := self.storage.upkeep.clean(BATCH, name):
            yield gone

    def why(self, job_id: str | UUID) -> Why:
        """Return why a job waits, where it runs, or how each of its attempts ended; raise JobNotFound."""
        facts = self.storage.inspection.facts(checked_id(job_id))
        if facts is None:
            raise JobNotFound(f"there is no job {job_id} in {self.storage.location}")
        return why(facts)

    def count(self, **filters: Any) -> dict[Status, int]:
        """Return how many jobs match, by status; all jobs without a filter.

        History is read, in slices: for the numbers of each queue ``counts`` is quicker.
        """
        return count(self.storage.operator.count, job_filter(**filters))


def _some(verb: str, job_ids: tuple[str | UUID, ...], **filters: Any) -> JobFilter:
    if not job_ids and all(value is None for value in filters.values()):
        raise InvalidValue(f"{verb} needs ids, or at least one of status=, queue=, kind=, error= and older_than=")
    return job_filter(ids=[checked_id(job_id) for job_id in job_ids] or None, **filters)


def job_filter(
    *,
    status: Status | str | None = None,
    queue: str | None = None,
    kind: str | None = None,
    error: str | None = None,
    older_than: Age | None = None,
    ids: list[str] | None = None,
) -> JobFilter:
    """Return a filter with every value checked; raise InvalidValue."""
    if status is not None and (not isinstance(status, str) or status not in set(Status)):
        raise InvalidValue(f"status {quoted(status)} is not one of {', '.join(Status)}")
    return JobFilter(
        status=None if status is None else Status(status),
        queue=None if queue is None else checked_queue(queue),
        kind=None if kind is None else checked_kind(kind),
        error=None if error is None else _checked_text(error),
        older_than=None if older_than is None else checked_duration(older_than, "older_than"),
        ids=ids,
    )


def _checked_text(error: str) -> str:
    good = isinstance(error, str) and 0 < len(error) <= MAX_ERROR_TEXT and "\0" not in error
    if not good or (not error.isascii() and any(0xD800 <= ord(c) <= 0xDFFF for c in error)):
        raise InvalidValue(f"error {quoted(error)} is not valid: use 1 to {MAX_ERROR_TEXT} characters of the message")
    return error
