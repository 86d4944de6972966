"""Rows of the job table as records, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from forge_jobs.model.job import JobRecord
from forge_jobs.model.queue import FOR_EVER, QueueSettings, settings_as_stored
from forge_jobs.storage.claims import Claim
from forge_jobs.storage.reading import error_of, record

INLINE_BYTES = 1024
"""Payloads and results up to this size stand in the job's row, larger ones beside it."""

_NO_ID = "0" * 32


def blob(job_id: str) -> bytes:
    """Return an id as stored."""
    return bytes.fromhex(job_id.replace("-", ""))


def text(stored: bytes) -> str:
    """Return a stored id in its canonical form; of what is none, one that no job has."""
    h = stored.hex() if isinstance(stored, bytes) else _NO_ID
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def ids_json(job_ids: list[str] | tuple[str, ...]) -> str:
    """Return ids as the JSON list of hexadecimal digits that the statements read."""
    return msgspec.json.encode([i.replace("-", "") for i in job_ids]).decode()


def json_text(value: object) -> str:
    """Return a value as JSON text."""
    return msgspec.json.encode(value).decode()


def settings_of(row: tuple[Any, ...]) -> QueueSettings:
    """Return a row of the queue table as settings."""
    return settings_as_stored(
        name=row[0],
        paused=row[1],
        backoff_enabled=row[2],
        backoff_base=row[3],
        backoff_max=row[4],
        keep_done=row[5],
        keep_dead=row[6],
        max_workers=row[7],
        memory_limit=row[8],
        keep_done_jobs=row[9],
        keep_dead_jobs=row[10],
        cool_down=row[11],
        throttles=row[12],
        throttled_until=row[13],
    )


def settings_row(settings: QueueSettings) -> tuple[Any, ...]:
    """Return settings as a row of the queue table."""
    return (
        settings.name,
        int(settings.paused),
        int(settings.backoff_enabled),
        settings.backoff_base,
        settings.backoff_max,
        FOR_EVER if settings.keep_done is None else settings.keep_done,
        FOR_EVER if settings.keep_dead is None else settings.keep_dead,
        settings.max_workers,
        settings.memory_limit,
        settings.keep_done_jobs,
        settings.keep_dead_jobs,
        int(settings.cool_down),
        settings.throttles,
        settings.throttled_until,
    )


def record_of(row: tuple[Any, ...], errors: list[str]) -> JobRecord:
    """Return a row of ``get.sql`` or ``find.sql`` as a record."""
    return record(
        JobRecord,
        id=text(row[1]),
        queue=row[2],
        kind=row[3],
        status=row[4],
        gate=row[5],
        priority=row[6],
        attempts=row[7],
        max_attempts=row[8],
        enqueued_at=row[9],
        scheduled_at=row[10],
        started_at=row[11],
        finished_at=row[12],
        cancel_requested_at=row[13],
        unique_key=row[14],
        process_id=row[15],
        claim_no=row[16],
        time_limit=row[17],
        expires_at=row[18],
        cpu_time=row[19],
        peak_memory=row[20],
        payload=row[21] or b"null",
        result=row[22],
        limit_key=row[23],
        throttles=row[24],
        trace=row[25],
        error_history=tuple(error_of(e) for e in errors),
    )


def claim_of(row: tuple[Any, ...]) -> Claim:
    """Return a row of ``claims_of.sql`` or ``claims_before.sql`` as a claim, without its payload."""
    names = ("key", "id", "kind", "queue", "claim_no", "attempt", "max_attempts", "crashes", "claimed_at")
    return record(Claim, payload=b"", **dict(zip(names, (row[0], text(row[1]), *row[2:9]), strict=True)))
