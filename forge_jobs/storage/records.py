"""What goes through the ports. Instants are microseconds since the epoch; payloads and results are JSON text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.job import JobRecord
from forge_jobs.model.states import Status


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

    ``ready`` counts ready jobs of each queue that is not paused, to a few hundred; ``next_due``, ``next_expiry`` and
    ``next_fire`` are when the next job is due, the next waiting one expires and the next schedule fires (``None``:
    none; a schedule without a time is due since the epoch); ``caps`` are the ``max_workers`` of the queues that have
    one; ``wanted`` says that operators want something of a host: a running job is to be stopped, or a question waits;
    ``admission`` that places of limits may be given out.
    """

    ready: Mapping[str, int]
    next_due: int | None
    next_expiry: int | None
    next_fire: int | None
    caps: Mapping[str, int]
    wanted: bool
    admission: bool


def glance_of(rows: Sequence[tuple[Any, ...]]) -> Glance:
    """Return the rows of ``look.sql``: one for each queue, then one without a name."""
    *queues, (_name, _jobs, _cap, due, expiry, fire, wanted, admission) = rows
    return Glance(
        ready={name: jobs for name, jobs, *_ in queues if jobs},
        caps={name: max(cap, 0) for name, _jobs, cap, *_ in queues if isinstance(cap, int)},
        next_due=_number(due),
        next_expiry=_number(expiry),
        next_fire=_number(fire),
        wanted=bool(wanted),
        admission=bool(admission),
    )


def _number(stored: Any) -> int | None:
    return stored if isinstance(stored, int) else None


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

UNPARK_SLICE = 20_000
"""Jobs made claimable again at once when somebody knows their kind: in a fraction of a coordinator's deadline."""

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
