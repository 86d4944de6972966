"""What goes through the ports. Instants are microseconds since the epoch; payloads and results are JSON text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.job import ErrorEntry, JobRecord
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Status


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker would take in one exchange.

    The first job in line is taken whatever it costs. More follow, in order, while each one's kind is in ``costs``
    (microseconds a job of that kind takes), the sum of all costs stays within ``budget`` (microseconds), and
    ``rows`` and ``size`` (bytes of payload) are not exceeded. Only jobs of ``kinds`` are taken.
    """

    queue: str
    kinds: Sequence[str]
    first_claim_no: int
    rows: int = 1
    budget: float = 0.0
    costs: Mapping[str, float] = {}
    size: int = 4 * 1024 * 1024


class Claim(msgspec.Struct, frozen=True):
    """One claimed job. (process id, ``claim_no``) names this claim for ever; ``key`` is the storage's own row key.

    ``time_limit`` is microseconds; from the instant ``expires_at`` on it is not to be started, from ``since`` on it
    might have been. ``limit_key`` is None where its kind has no limits.
    """

    key: int
    id: str
    kind: str
    queue: str
    claim_no: int
    attempt: int
    max_attempts: int
    crashes: int
    payload: bytes
    claimed_at: int = 0
    time_limit: int | None = None
    expires_at: int | None = None
    limit_key: str | None = None
    throttles: int = 0
    trace: str | None = None
    since: int | None = None


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a claimed job ended, or that it is given back (``status`` pending).

    ``attempt_back`` gives the attempt back; ``crashes`` is the new number of crashes in a row; ``scheduled_at`` is
    when a pending or failed job may run again, ``None`` for one that keeps its place in line; ``error`` is the line
    for the error history, if any; ``cpu_time`` (microseconds) and ``peak_memory`` (bytes) what the attempt used, where
    known. ``limited``: its kind has limits, so others may wait for the end; ``throttled``: it counts as a throttle;
    ``lets_go``: it leaves its key to others while it waits; ``heard``: somebody listens for its success. ``kind`` and
    ``since`` are the claim's, where it knew them.
    """

    key: int
    id: str
    queue: str
    process_id: int
    claim_no: int
    status: Status
    result: bytes | None = None
    error: ErrorEntry | None = None
    attempt_back: bool = False
    crashes: int = 0
    scheduled_at: int | None = None
    started_at: int | None = None
    finished_at: int
    cpu_time: int | None = None
    peak_memory: int | None = None
    limited: bool = False
    throttled: bool = False
    lets_go: bool = False
    heard: bool = False
    kind: str = ""
    since: int | None = None

    @property
    def never_started(self) -> bool:
        """Whether a claim is given back whose handler was not called."""
        return self.attempt_back and self.started_at is None

    @property
    def is_give_back(self) -> bool:
        """Whether the job takes its old place in line as if it had never been claimed."""
        return self.status is Status.PENDING and self.never_started and self.scheduled_at is None and not self.error


def end_of(claim: Claim, process_id: int, status: Status, now: int, **more: Any) -> Ended:
    """Return an end of exactly this claim; ``more`` are the other fields of ``Ended``."""
    return Ended(
        key=claim.key,
        id=claim.id,
        queue=claim.queue,
        process_id=process_id,
        claim_no=claim.claim_no,
        status=status,
        finished_at=now,
        limited=claim.limit_key is not None,
        **more,
    )


def given_back(claim: Claim, process_id: int, now: int) -> Ended:
    """Return the end of a claim that counts as never made: pending again, in its old place, attempt and all."""
    return end_of(claim, process_id, Status.PENDING, now, attempt_back=True, crashes=claim.crashes)


def done(
    claim: Claim,
    process_id: int,
    result: bytes,
    started_at: int | None,
    now: int,
    *,
    cpu_time: int | None = None,
    peak_memory: int | None = None,
    heard: bool = False,
) -> Ended:
    """Return the end of a claim that succeeded. Spelled out: it is made for every job."""
    return Ended(
        key=claim.key,
        id=claim.id,
        queue=claim.queue,
        process_id=process_id,
        claim_no=claim.claim_no,
        status=Status.DONE,
        result=result,
        started_at=started_at,
        finished_at=now,
        cpu_time=cpu_time,
        peak_memory=peak_memory,
        limited=claim.limit_key is not None,
        heard=heard,
        kind=claim.kind,
        since=claim.since,
    )


class Exchanged(msgspec.Struct, frozen=True, kw_only=True):
    """What one exchange gave: the claims, in the order to run them, and the queue's settings as they stand.

    ``refused`` are the claim numbers of hand-ins that were not recorded: the claim was no longer the worker's.
    """

    claims: Sequence[Claim] = ()
    refused: Sequence[int] = ()
    settings: QueueSettings


class HostRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One running supervisor. ``life_lock`` is the byte it holds locked in the hosts file for life (SQLite only)."""

    host_id: str
    hostname: str
    pid: int
    label: str
    version: str
    queues: Sequence[str]
    kinds: Sequence[str]
    life_lock: int = 0
    started_at: int = 0
    beat_at: int = 0
    alive: bool = True


class ProcessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One worker process, as registered by itself at its birth."""

    process_id: int
    host_id: str
    queue: str
    number: int
    pid: int
    started_at: int


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """One worker as its host's board showed it at the last beat; ``job_id`` is None while it runs none."""

    process_id: int
    queue: str
    number: int
    pid: int
    state: str
    job_id: str | None = None
    kind: str | None = None
    running_seconds: float | None = None
    held: int = 0
    jobs_done: int = 0
    progress_done: int | None = None
    progress_total: int | None = None
    progress_note: str | None = None
    cpu_percent: float | None = None
    memory: int | None = None


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs an operator means: every given field must match.

    ``error`` is what the newest message of the error history contains, letter by letter. ``older_than`` is
    microseconds: of a finished job since its end, of any other since it was stored. Where ``status`` is not given,
    ``statuses`` may name several.
    """

    ids: Sequence[str] | None = None
    status: Status | None = None
    queue: str | None = None
    kind: str | None = None
    error: str | None = None
    older_than: int | None = None
    statuses: Sequence[Status] | None = None

    @property
    def any_of(self) -> list[str] | None:
        """The statuses that match, None for all."""
        if self.status is not None:
            return [self.status.value]
        return None if self.statuses is None else [status.value for status in self.statuses]


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed about jobs that wait; None stays as it is. ``payload`` is JSON text."""

    payload: bytes | None = None
    priority: int | None = None
    run_at: int | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one bounded batch of an operator's verb did.

    ``changed`` are the ids that were changed, ``requested`` those for which a running worker was asked,
    ``skipped`` those that stayed as they were although they matched, ``missed`` those that matched when they were
    read and no longer when they were to be changed; ``next`` is the cursor of the following batch, ``None`` after
    the last.
    """

    changed: Sequence[str] = ()
    requested: Sequence[str] = ()
    skipped: Sequence[str] = ()
    missed: Sequence[str] = ()
    next: int | None = None


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of each queue became ready, and the instant the next one is due (``None``: none waits)."""

    ready: Mapping[str, int]
    next_due: int | None = None


def opened_of(rows: Sequence[tuple[str, str, str | None]]) -> tuple[Counter[str], set[tuple[str, str]]]:
    """Return of the rows of ``open_due.sql`` how many are ready, by queue, and whose (kind, key) have to wait on."""
    ready = Counter(queue for queue, _kind, key in rows if key is None)
    return ready, {(kind, key) for _queue, kind, key in rows if key is not None}


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What a coordinator sees when it looks: all that may be for it to do, in one statement.

    ``ready`` counts ready jobs of each queue that is not paused, to a few hundred; ``next_due`` and ``next_expiry`` are
    the instants at which the next job is due and the next waiting one expires (``None``: none); ``caps`` are the
    ``max_workers`` of the queues that have one; ``wanted`` says that operators want something of a host: a running job
    is to be stopped, or a question waits; ``admission`` that places of limits may be given out.
    """

    ready: Mapping[str, int]
    next_due: int | None
    next_expiry: int | None
    caps: Mapping[str, int]
    wanted: bool
    admission: bool


def glance_of(rows: Sequence[tuple[Any, ...]]) -> Glance:
    """Return the rows of ``look.sql``: one for each queue, then one without a name."""
    *queues, (_name, _jobs, _cap, due, expiry, wanted, admission) = rows
    return Glance(
        ready={name: jobs for name, jobs, *_ in queues if jobs},
        caps={name: cap for name, _jobs, cap, *_ in queues if cap is not None},
        next_due=due,
        next_expiry=expiry,
        wanted=bool(wanted),
        admission=bool(admission),
    )


class ArchivedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job, whole, with what only its storage knows: crashes in a row, and whether it has a place of its key."""

    record: JobRecord
    crashes: int
    holds_key: bool = False


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the database that makes the queue slow. ``what`` names it, ``told`` says it in a sentence."""

    what: str
    told: str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Something asked of a host: the ``stack`` of a worker, or to be watched (``watch``)."""

    number: int
    process_id: int | None
    verb: str


PUT_OFF = 60 * MICROSECONDS
"""For how long at most a job was put off (by a rate limit, say) that holds a drain."""

FIRST_IN_LINE = 10_000
"""Ready jobs of each queue among which those of unknown kinds are looked for, every few seconds."""

NO_WORKER = "no worker serves the queue"
UNKNOWN_KIND = "no worker knows the kind"


class Unserved(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that wait although nobody alive will take them; ``reason`` is ``NO_WORKER`` or ``UNKNOWN_KIND``."""

    queue: str
    kind: str
    jobs: int
    reason: str


class RunTotals(msgspec.Struct, frozen=True, kw_only=True):
    """How many attempts of one host ended in each way since it started."""

    done: int = 0
    failed: int = 0
    dead: int = 0
