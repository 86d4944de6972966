"""A job as it stands in the database, and what is said to make one."""

from __future__ import annotations

import msgspec

from forge_jobs.model.states import Cause, Gate, Status

ERROR_HISTORY_LIMIT = 32
"""The newest entries of a job's error history that are kept, as in the original."""

DEFAULT_MAX_ATTEMPTS = 5
MAX_PAYLOAD_BYTES = 1024 * 1024
MAX_RESULT_BYTES = 1024 * 1024
MAX_ERROR_CHARACTERS = 8_000


class ErrorEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one attempt ended badly. ``at`` is microseconds since the epoch, ``peak_memory`` bytes."""

    at: int
    attempt: int
    cause: Cause
    message: str
    traceback: str | None = None
    host: str | None = None
    pid: int | None = None
    exit_signal: str | None = None
    exit_code: int | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None


class NewJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):  # texts and numbers only, and many of them at once
    """A job to be stored; every value is checked already. ``payload`` is JSON text.

    It runs from the instant ``run_at`` on, or ``delay`` microseconds after it was stored, or at once; never from the
    instant ``expires_at`` on. ``time_limit`` is microseconds. ``concurrency_key`` takes the place of the one that its
    handler finds in the payload. ``trace`` is of whoever enqueued it (W3C Trace Context).
    """

    id: str
    queue: str
    kind: str
    payload: bytes
    priority: int = 0
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    run_at: int | None = None
    delay: int | None = None
    unique_key: str | None = None
    time_limit: int | None = None
    expires_at: int | None = None
    concurrency_key: str | None = None
    trace: str | None = None


class Enqueued(msgspec.Struct, frozen=True, gc=False):
    """What an enqueue did: the id of the new job, or of the live one that holds the unique key."""

    id: str
    deduplicated: bool = False


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row, whole. Instants are microseconds since the epoch; ``payload`` and ``result`` are JSON text.

    ``cpu_time`` (microseconds) and ``peak_memory`` (bytes) are of the last attempt. ``limit_key`` is None where its
    kind has no limits, its concurrency key where it has one, else empty. ``throttles`` is how often it was throttled.
    """

    id: str
    queue: str
    kind: str
    status: Status
    gate: Gate | None
    priority: int
    attempts: int
    max_attempts: int
    enqueued_at: int
    scheduled_at: int
    started_at: int | None
    finished_at: int | None
    cancel_requested_at: int | None
    unique_key: str | None
    process_id: int | None
    claim_no: int | None
    time_limit: int | None
    expires_at: int | None
    cpu_time: int | None
    peak_memory: int | None
    payload: bytes
    result: bytes | None
    limit_key: str | None = None
    throttles: int = 0
    trace: str | None = None
    error_history: tuple[ErrorEntry, ...] = ()
