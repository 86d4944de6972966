"""Times as people write and read them on the command line."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from forge_jobs.clock import SystemClock, as_datetime
from forge_jobs.errors import InvalidValue
from forge_jobs.model.durations import checked_duration
from forge_jobs.model.durations import span as span
from forge_jobs.showing import quoted


def moment(text: str) -> datetime:
    """Return ``+10m`` (s, m, h, d, w from now) or an ISO 8601 time with its zone as a moment; raise InvalidValue."""
    now = as_datetime(SystemClock().now())
    assert now is not None
    if text.startswith("+"):
        return now + timedelta(microseconds=checked_duration(text[1:], "time +"))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue(f"time {quoted(text)} is not valid: write +10m, or 2030-01-31T09:00:00+01:00") from None
    if found.tzinfo is None:
        raise InvalidValue(f"time {quoted(text)} has no zone: add Z or +01:00, or write +10m")
    return found


def shown(instant: int | None) -> str:
    """Return a stored instant in local time, or a dash."""
    found = as_datetime(instant)
    if found is None:
        return "–"
    with contextlib.suppress(OverflowError, ValueError):  # on the first and the last day there is
        found = found.astimezone()
    return f"{found:%Y-%m-%d %H:%M:%S}"


def iso(instant: int | None) -> str | None:
    """Return a stored instant as ISO 8601 in UTC, for JSON."""
    found = as_datetime(instant)
    return None if found is None else found.isoformat().replace("+00:00", "Z")
