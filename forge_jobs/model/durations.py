"""Lengths of time as people say them: ``30s``, ``5m``, ``2h``, ``2d``, ``1w``."""

from __future__ import annotations

import re
from datetime import timedelta

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import InvalidValue
from forge_jobs.showing import quoted

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_TOLD = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([smhdw])")
_CENTURY = 100 * 366 * 86_400


def checked_duration(told: str | float | timedelta, what: str) -> int:
    """Return a length of time in microseconds: a text such as ``2d``, seconds, or a timedelta; raise InvalidValue."""
    seconds = _seconds(told)
    if seconds is None or not 0 <= seconds <= _CENTURY:
        raise InvalidValue(f"{what} {quoted(told)} is not valid: use a length of time such as 30s, 5m, 2h, 2d or 1w")
    return round(seconds * MICROSECONDS)


def _seconds(told: str | float | timedelta) -> float | None:
    if isinstance(told, timedelta):
        return told.total_seconds()
    if isinstance(told, str):
        parts = _TOLD.fullmatch(told.strip())
        return float(parts[1]) * _SECONDS[parts[2]] if parts else None
    return told if isinstance(told, (int, float)) and not isinstance(told, bool) else None


def span(seconds: float | None) -> str:
    """Return a duration in its two largest units."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
