"""What may be said about one job when it is enqueued, and the job that is stored then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import InvalidValue
from forge_jobs.ids import new_job_ids
from forge_jobs.model.job import DEFAULT_MAX_ATTEMPTS, NewJob
from forge_jobs.model.names import (
    checked_attempts,
    checked_delay,
    checked_kind,
    checked_limit,
    checked_moment,
    checked_priority,
    checked_queue,
    checked_unique_key,
)
from forge_jobs.model.queue import DEFAULT_QUEUE


class EnqueueOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may be said about one job besides its kind and payload."""

    queue: str | None = None
    priority: int | None = None
    run_at: datetime | None = None
    delay: float | None = None
    unique_key: str | None = None
    max_attempts: int | None = None
    timeout: float | None = None
    expires_at: datetime | None = None
    concurrency_key: str | None = None


def new_jobs(jobs: Sequence[tuple[str, bytes, EnqueueOptions]]) -> list[NewJob]:
    """Return what is to be stored of (kind, payload, options), every value checked; raise InvalidValue.

    What several jobs were given together, the same kind and the same options object, is checked once.
    """
    known: dict[tuple[str, int], NewJob] = {}
    new = []
    for (kind, payload, options), job_id in zip(jobs, new_job_ids(len(jobs)), strict=True):
        like = known.get((kind, id(options)))
        if like is None:
            job = known[kind, id(options)] = _new_job(job_id, kind, payload, options)
        else:
            job = replace(like, id=job_id, payload=payload)
        new.append(job)
    return new


def _new_job(job_id: str, kind: str, payload: bytes, options: EnqueueOptions) -> NewJob:
    if options.run_at is not None and options.delay is not None:
        raise InvalidValue("give run_at or delay, not both")
    run_at = None if options.run_at is None else checked_moment(options.run_at, "run_at")
    expires_at = None if options.expires_at is None else checked_moment(options.expires_at, "expires_at")
    timeout = checked_limit(options.timeout, "timeout")
    delay = None if options.delay is None else round(checked_delay(options.delay) * MICROSECONDS)
    return NewJob(
        id=job_id,
        queue=checked_queue(DEFAULT_QUEUE if options.queue is None else options.queue),
        kind=checked_kind(kind),
        payload=payload,
        priority=0 if options.priority is None else checked_priority(options.priority),
        max_attempts=DEFAULT_MAX_ATTEMPTS if options.max_attempts is None else checked_attempts(options.max_attempts),
        run_at=run_at,
        delay=delay,
        unique_key=checked_unique_key(options.unique_key),
        time_limit=None if timeout is None else max(round(timeout * MICROSECONDS), 1),
        expires_at=expires_at,
        concurrency_key=checked_unique_key(options.concurrency_key, "concurrency_key"),
    )
