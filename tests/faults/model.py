"""What a database of forge-jobs should hold, as a plain dictionary: what each verb does, said once more and simply."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from forge_jobs.model.job import NewJob
from forge_jobs.storage.records import Edit, JobFilter

LIVE = ("pending", "in_progress", "failed")
WAITING = ("pending", "failed")
FINISHED = ("done", "dead")
SECOND = 1_000_000
DAY = 86_400 * SECOND

Claimant = tuple[int, int]
"""A process and the number of its claim."""


class Row(msgspec.Struct, kw_only=True):
    """A job. ``gate`` is ready, waiting (for its time), unserved or, while it does not wait, None.

    Whether a job of a kind with limits has a place is not known here: it is ready as soon as it might have one.
    """

    number: int
    queue: str
    kind: str
    key: str | None
    priority: int
    due: int
    expires: int | None
    status: str = "pending"
    gate: str | None = "ready"
    attempts: int = 0
    asked: bool = False
    claim: Claimant | None = None
    finished: int | None = None
    tenant: str = ""

    def wait(self, status: str, due: int, now: int) -> None:
        """Wait for a time, or for a worker if that has come."""
        self.status, self.due, self.asked = status, due, False
        self.gate = "ready" if due <= now else "waiting"

    def end(self, status: str, now: int) -> None:
        """End for good."""
        self.status, self.gate, self.finished, self.asked = status, None, now, False

    @property
    def place(self) -> tuple[int, int, int]:
        """Where it stands in line."""
        return self.priority, self.due, self.number


class Expected:
    """All jobs, in the order in which they came, and what is known of queues. Every verb is given the instant."""

    def __init__(self) -> None:
        self.jobs: dict[str, Row] = {}
        self.paused: set[str] = set()
        self.served: dict[str, set[tuple[str, str]]] = {}
        self._number = 0

    # -- producers -------------------------------------------------------------------------------------------------

    def holder(self, kind: str, key: str | None) -> str | None:
        """Return the job that holds a unique key."""
        live = (i for i, j in self.jobs.items() if key and (j.kind, j.key) == (kind, key) and j.status in LIVE)
        return next(live, None)

    def enqueue(self, job: NewJob, now: int) -> str:
        """Store a job; return its id, or that of the live job that holds its key."""
        if holder := self.holder(job.kind, job.unique_key):
            return holder
        self._number += 1
        due = now if job.run_at is None else job.run_at
        self.jobs[job.id] = row = Row(
            number=self._number, queue=job.queue, kind=job.kind, key=job.unique_key, priority=job.priority, due=due,
            expires=job.expires_at, tenant=job.concurrency_key or "",
        )  # fmt: skip
        row.wait("pending", due, now)
        return job.id

    # -- workers ---------------------------------------------------------------------------------------------------

    def in_line(self, queue: str, kinds: Iterable[str], now: int) -> list[str]:
        """Return what a worker may be given, in order."""
        if queue in self.paused:
            return []
        found = [
            (row.place, job_id)
            for job_id, row in self.jobs.items()
            if row.gate == "ready" and row.queue == queue and row.kind in kinds
            if row.expires is None or row.expires > now
        ]
        return [job_id for _place, job_id in sorted(found)]

    def claim(self, job_id: str, claim: Claimant) -> None:
        """Give a job to a worker."""
        row = self.jobs[job_id]
        row.status, row.gate, row.attempts, row.claim = "in_progress", None, row.attempts + 1, claim

    def held(self, process_id: int) -> dict[str, Row]:
        """Return what a worker holds, in the order of its claims."""
        found = [
            (i, j) for i, j in self.jobs.items() if j.status == "in_progress" and j.claim and j.claim[0] == process_id
        ]
        return dict(sorted(found, key=lambda each: each[1].claim or (0, 0)))

    def holds(self, job_id: str, claim: Claimant) -> bool:
        """Return whether a claim has not ended."""
        row = self.jobs.get(job_id)
        return row is not None and row.claim == claim and row.status == "in_progress"

    def hand_in(self, job_id: str, claim: Claimant, how: str, wait: int, now: int) -> bool:
        """Record the end of a claim, or that it is given back; False where it is another's by now."""
        row = self.jobs.get(job_id)
        if row is None or row.claim != claim:
            return False
        if row.status != "in_progress":
            return True  # a repetition, if it says what it said before
        if how == "given back":
            row.attempts -= 1
            self._wait_or_die(row, "pending", row.due, now)
            row.gate = row.gate and "ready"  # in its old place, even where the clock was set back meanwhile
        elif how == "back":
            row.attempts -= not row.asked
            self._wait_or_die(row, "pending", now + wait, now)
        elif how == "failed":
            self._wait_or_die(row, "failed", now + wait, now)
        else:
            row.end(how, now)
        return True

    @staticmethod
    def _wait_or_die(row: Row, status: str, due: int, now: int) -> None:
        if row.asked:
            row.end("dead", now)
        else:
            row.wait(status, due, now)

    # -- operators -------------------------------------------------------------------------------------------------

    def matching(self, wanted: JobFilter, limit: int) -> list[str]:
        """Return the newest jobs that an operator means."""
        found = [
            job_id
            for job_id, row in reversed(self.jobs.items())
            if (wanted.ids is None or job_id in wanted.ids)
            and wanted.status in (None, row.status)
            and wanted.queue in (None, row.queue)
            and wanted.kind in (None, row.kind)
        ]
        return found[:limit]

    def cancel(self, job_id: str, now: int) -> str:
        """Cancel a job; return ``changed``, ``requested`` or ``skipped``, as all verbs of an operator do."""
        row = self.jobs[job_id]
        if row.status in WAITING:
            row.end("dead", now)
            return "changed"
        row.asked = row.status == "in_progress"
        return "requested" if row.asked else "skipped"

    def retry(self, job_id: str, now: int) -> str:
        """Give a job that failed or is dead a fresh budget, unless another has its key now."""
        row = self.jobs[job_id]
        if row.status not in ("failed", "dead") or self.holder(row.kind, row.key) not in (None, job_id):
            return "skipped"
        row.wait("pending", now, now)
        row.attempts, row.finished = 0, None
        row.expires = row.expires if row.expires is not None and row.expires > now else None
        return "changed"

    def delete(self, job_id: str, _now: int) -> str:
        """Remove a job that does not run."""
        if self.jobs[job_id].status == "in_progress":
            return "skipped"
        del self.jobs[job_id]
        return "changed"

    def run_now(self, job_id: str, now: int) -> str:
        """Let a job wait for its time no longer."""
        row = self.jobs[job_id]
        if row.gate != "waiting":
            return "skipped"
        row.gate, row.due = "ready", min(row.due, now)
        return "changed"

    def move(self, job_id: str, queue: str) -> str:
        """Put a job that waits into another queue, where it may be known."""
        row = self.jobs[job_id]
        if row.status not in WAITING or row.queue == queue:
            return "skipped"
        row.queue, row.gate = queue, "ready" if row.gate == "unserved" else row.gate
        return "changed"

    def edit(self, job_id: str, change: Edit, now: int) -> str:
        """Change a job that waits; it is not put off to when it is too late."""
        row, due = self.jobs[job_id], change.run_at
        if row.status not in WAITING or (due is not None and row.expires is not None and due >= row.expires):
            return "skipped"
        row.priority = row.priority if change.priority is None else change.priority
        if due is not None:
            row.due = due
            row.gate = "waiting" if due > now else "ready" if row.gate == "waiting" else row.gate
        return "changed"

    # -- upkeep ----------------------------------------------------------------------------------------------------

    def open_due(self, now: int) -> None:
        """Make jobs ready whose time has come."""
        for row in self.jobs.values():
            if row.gate == "waiting" and row.due <= now:
                row.gate = "ready"

    def next_due(self) -> int | None:
        """Return when the next one's time comes."""
        return min((row.due for row in self.jobs.values() if row.gate == "waiting"), default=None)

    def expire(self, now: int) -> int:
        """End what waits although it is too late; return how many."""
        late = [r for r in self.jobs.values() if r.gate is not None and r.expires is not None and r.expires <= now]
        for row in late:
            row.end("dead", now)
        return len(late)

    def past(self, keep: dict[str, int], now: int) -> list[str]:
        """Return the finished jobs that are kept no longer."""
        return [
            i for i, r in self.jobs.items() if r.status in keep and r.finished and r.finished < now - keep[r.status]
        ]

    def park(self) -> set[tuple[str, str]]:
        """Set jobs aside that nobody knows, take back those that somebody does; return (queue, kind) of the former."""
        known = set().union(*self.served.values())
        for row in self.jobs.values():
            if row.gate == "ready" and (row.queue, row.kind) not in known:
                row.gate = "unserved"
        self.unpark(known)
        return {(row.queue, row.kind) for row in self.jobs.values() if row.gate == "unserved"}

    def unpark(self, known: set[tuple[str, str]]) -> None:
        """Let jobs be claimed again whose kinds a host knows."""
        for row in self.jobs.values():
            if row.gate == "unserved" and (row.queue, row.kind) in known:
                row.gate = "ready"
