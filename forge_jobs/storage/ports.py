"""The ports: what the rest of the program may ask of a database, split by who holds them.

An internal seam, free to change. Every method is one transaction unless it says otherwise, ends within the
storage's deadline, and raises only ``forge_jobs.errors``. The contract suite in ``tests/contract`` states what
each promises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from forge_jobs.clock import Clock
from forge_jobs.model.job import Enqueued, JobRecord, NewJob
from forge_jobs.model.queue import QueueCounts, QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.storage.census import Census
from forge_jobs.storage.claims import Claim, Ended, Exchanged, Want
from forge_jobs.storage.house_ports import Archive, Schema
from forge_jobs.storage.limit_ports import Limits
from forge_jobs.storage.looking_ports import Checkup, Inspection, News
from forge_jobs.storage.metric_ports import Metrics
from forge_jobs.storage.records import (
    Batch,
    Edit,
    Glance,
    HostRecord,
    JobFilter,
    Opened,
    ProcessRecord,
    Request,
    RunTotals,
    Trouble,
    Unserved,
    WorkerView,
)
from forge_jobs.storage.schedule_ports import Schedules


class Producer(Protocol):
    """Held by clients."""

    def enqueue(self, jobs: Sequence[NewJob], connection: object | None = None) -> list[Enqueued]:
        """Store all jobs, or none; answer in the order given; then ring.

        With a caller's ``connection`` of the database's own driver, all that is part of the transaction open on it.

        A job whose (kind, unique key) is held by a live job, or by an earlier one of the same call, is not stored: the
        answer names the holder.
        """


class WorkerQueue(Protocol):
    """Held by workers."""

    def exchange(self, process_id: int, ended: Sequence[Ended], want: Want | None) -> Exchanged | None:
        """Hand in what has ended and claim what is next, in one transaction; a claim that takes tokens may follow it.

        Returns None, having done nothing, when the process is not registered any more: it was rescued, and what it
        holds is no longer its own. A hand-in whose own end is already recorded counts as accepted.
        """

    def completing(self, end: Callable[[], Ended]) -> AbstractContextManager[Any]:
        """Give a connection of the database's own driver, in a transaction that records ``end()`` as it is committed.

        What the block raises goes out as it is, and nothing was done. Raises ClaimLost, having done nothing, when the
        claim has ended or is another's by now: a repetition is refused too, since its block would be committed twice.
        """

    def give_back_unknown(self, process_id: int, known: Sequence[int]) -> int:
        """Give back, attempt too, every claim of the process whose number is not in ``known``; return how many.

        For a worker whose last exchange ended in an error: it may have been committed all the same.
        """


class Operator(Protocol):
    """Held by clients and the command line."""

    def get(self, job_id: str) -> JobRecord | None:
        """Return the job, whole, or None."""

    def statuses(self, job_ids: Sequence[str]) -> Mapping[str, Status]:
        """Return the status of each job that exists."""

    def find(self, wanted: JobFilter, limit: int, before: int | None) -> tuple[list[JobRecord], int | None]:
        """Return at most ``limit`` jobs, newest first, without payloads over 1 KiB, and the cursor for more or None."""

    def counts(self) -> dict[str, QueueCounts]:
        """Return each queue's counts without reading finished jobs."""

    def cancel(self, wanted: JobFilter, limit: int, after: int) -> Batch:
        """End waiting jobs as dead with cause ``cancelled``; ask for running ones; skip finished ones."""

    def retry(self, wanted: JobFilter, limit: int, after: int) -> Batch:
        """Make failed and dead jobs pending with a fresh budget; skip those whose unique key is held."""

    def delete(self, wanted: JobFilter, limit: int, after: int) -> Batch:
        """Remove jobs that are not running; skip those that are."""

    def run_now(self, wanted: JobFilter, limit: int, after: int) -> Batch:
        """Make jobs that wait for their time ready; skip all others."""

    def move(self, wanted: JobFilter, limit: int, after: int, queue: str) -> Batch:
        """Put jobs that wait into another queue and ring there; skip all others, and those that are in it."""

    def edit(self, wanted: JobFilter, limit: int, after: int, change: Edit) -> Batch:
        """Change jobs that wait and ring; skip all others, and those that expire before their new time."""

    def count(self, wanted: JobFilter, after: int) -> tuple[Mapping[Status, int], int | None]:
        """Return how many of the next slice of jobs match, by status, and the cursor of the following one or None.

        ``wanted`` names no ids. A slice is bounded, so the call is short however many jobs there are.
        """


class ProcessRegistry(Protocol):
    """Held by workers (to announce themselves) and coordinators."""

    def announce_host(self, host: HostRecord) -> None:
        """Register a supervisor and its queues, kinds and version; make jobs of its kinds claimable again."""

    def announce_worker(self, process: ProcessRecord) -> None:
        """Register one worker. From here on its exchanges are accepted."""

    def beat(self, host_id: str, workers: Sequence[WorkerView]) -> bool:
        """Say that the host lives, and store what its board shows; False when it is not registered any more."""

    def hosts(self) -> list[HostRecord]:
        """Return every registered host; ``alive`` is judged now."""

    def workers(self) -> list[tuple[HostRecord, WorkerView]]:
        """Return what the boards of the live hosts showed at their last beat."""

    def claims_of(self, process_ids: Sequence[int]) -> dict[int, list[Claim]]:
        """Return the claims each process holds by the record, in the order of their numbers."""

    def claims_before(self, instant: int) -> dict[int, list[Claim]]:
        """Return the claims, by process, that were made before ``instant`` and have not ended."""

    def bury(self, process_id: int, ended: Sequence[Ended], host_id: str) -> None:
        """Hand in ``ended`` for a dead process, which is taken off the registry in the same transaction."""

    def census(self, host_id: str, living: Sequence[int]) -> Census:
        """Return who is dead of those that hold claims or a registration, and who holds claims.

        Dead are the processes of ``host_id`` that are not in ``living``, those of hosts that are gone, and those that
        nobody registered.
        """

    def retire_host(self, host_id: str) -> None:
        """Take a host and all its processes off the registry."""


class QueueConfig(Protocol):
    """Held by operators and, to create what they serve, by supervisors."""

    def ensure_queue(self, settings: QueueSettings) -> None:
        """Create the queue unless it exists; never changes an existing one."""

    def queues(self) -> list[QueueSettings]:
        """Return every queue's settings by name."""

    def change_queue(self, name: str, changes: Mapping[str, object]) -> QueueSettings | None:
        """Change some of one queue's settings and ring; return them all, None when there is no such queue."""


class Control(Protocol):
    """Held by operators, who ask, and by coordinators, who answer."""

    def cancel_requests(self) -> list[tuple[int, int]]:
        """Return (process id, claim number) of every running job that is to be stopped."""

    def ask(self, host_id: str, process_id: int | None, verb: str) -> int:
        """Ask a host for ``stack`` or ``watch`` and ring; return the number of the question."""

    def asked(self, host_id: str) -> list[Request]:
        """Return what has been asked of a host in the last ten seconds and is not answered."""

    def answer(self, number: int, text: str) -> None:
        """Answer a question."""

    def answer_of(self, number: int) -> str | None:
        """Return the answer, or None while there is none."""


class Upkeep(Protocol):
    """Held by coordinators: the housekeeping of the whole database, in small slices."""

    def open_due(self, limit: int) -> Opened:
        """Make at most ``limit`` jobs ready whose time has come."""

    def look(self, host_id: str) -> Glance:
        """Return all that may be to do, for this host or the leader. Changes nothing, in one statement."""

    def unserved(self) -> list[Unserved]:
        """Return the jobs that wait although nobody alive will take them, by queue and kind. Changes nothing."""

    def unfinished(self, queues: Sequence[str], kinds: Sequence[str]) -> int:
        """Return 0 when nothing holds a drain: no job of the queues runs, waits for a retry, or is ready of ``kinds``.

        A job that was put off for a minute at most, or waits for a place, holds it too. A paused queue's waiting jobs
        do not hold it.
        """

    def park_unserved(self, limit: int) -> list[Unserved]:
        """Take jobs of kinds that no live host knows out of the claim's way; return all that nobody serves."""

    def park(self, queue: str, kind: str, limit: int) -> int:
        """Take at most ``limit`` ready jobs of a kind that nobody knows out of the claim's way; return how many."""

    def prune(self, limit: int) -> int:
        """Remove at most ``limit`` finished jobs past their queue's retention; return how many."""

    def clean(self, limit: int, queue: str | None = None) -> Mapping[tuple[str, str], int]:
        """Do what ``prune`` does, to one queue if one is named; return how many went of each queue and outcome."""

    def expire(self, limit: int) -> int:
        """End at most ``limit`` waiting jobs for which it is too late, with cause ``expired``; return how many."""

    def fold_tallies(self) -> None:
        """Sum the tallies of ended jobs into one row for each queue and outcome."""

    def run_totals(self, host_id: str) -> RunTotals:
        """Return how the attempts of this host ended."""

    def troubles(self) -> list[Trouble]:
        """Return what about the database makes the queue slow, for people. Changes nothing."""

    def quarantine(self) -> int:
        """End live jobs whose rows a hand has damaged; return how many. Reads every live row."""

    def checkpoint(self) -> None:
        """Move what was committed into the database file, if that is due; waits for nobody."""


class Leadership(Protocol):
    """Held by coordinators."""

    def lead(self, holder: str, seconds: float) -> bool:
        """Take or renew the leader's lease; False while another live host holds it."""

    def resign(self, holder: str) -> None:
        """Give the lease up, if ``holder`` has it."""


class Doorbell(Protocol):
    """Held by a coordinator: told by producers that jobs were enqueued."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when a ring has come."""

    def keep(self) -> None:
        """Listen again, if the connection was lost; called now and then."""

    def rings(self) -> list[tuple[str, int, int | None]]:
        """Return all rings that have come, as (queue, jobs ready, instant a scheduled one is due).

        A ring without a queue (``""``) asks for attention: operators want something.
        """

    def close(self) -> None:
        """Stop listening."""


class Storage(Protocol):
    """All ports of one database. Opens nothing before the first call."""

    @property
    def location(self) -> str:
        """Where the database is, in full, without a password."""

    @property
    def clock(self) -> Clock:
        """The clock that decides what is due."""

    @property
    def one_writer(self) -> bool:
        """Whether a process that stands still in the middle of a call holds up all others."""

    @property
    def producer(self) -> Producer: ...
    @property
    def worker_queue(self) -> WorkerQueue: ...
    @property
    def operator(self) -> Operator: ...
    @property
    def inspection(self) -> Inspection: ...
    @property
    def checkup(self) -> Checkup: ...
    @property
    def news(self) -> News: ...
    @property
    def registry(self) -> ProcessRegistry: ...
    @property
    def queue_config(self) -> QueueConfig: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def control(self) -> Control: ...
    @property
    def upkeep(self) -> Upkeep: ...
    @property
    def leadership(self) -> Leadership: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def archive(self) -> Archive: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def schema(self) -> Schema: ...

    def doorbell(self, host_id: str) -> Doorbell:
        """Hang up this host's doorbell."""

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
