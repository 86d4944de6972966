"""Claims, and how they end: what a worker and its storage exchange. Instants are microseconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from forge_jobs.model.job import ErrorEntry
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
