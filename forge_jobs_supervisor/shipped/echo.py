"""The echo: a job that does as it is told, for demonstrations and for trying out a farm."""

from __future__ import annotations

from forge_jobs.clock import pause
from forge_jobs.model.outcome import Failed, Throttled


def echo(message: str = "", sleep: float = 0.1, fail: bool = False, throttle: float | None = None) -> str:
    """Sleep for so many seconds, then fail, or throttle itself for so many seconds, or return the message."""
    if sleep > 0:
        pause(sleep)
    if fail:
        raise Failed(message or "it was asked to fail")
    if throttle is not None:
        raise Throttled(retry_after=throttle)
    return message
