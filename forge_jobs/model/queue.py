"""A queue's settings and its counts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from forge_jobs.errors import InvalidValue
from forge_jobs.model.names import checked_size
from forge_jobs.showing import quoted

DEFAULT_QUEUE = "default"


class QueueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may set about one queue; the defaults are those of a new queue.

    ``backoff_base`` and ``backoff_max`` are seconds. Finished jobs are kept for ``keep_done`` and ``keep_dead`` days
    (``None``: for ever), and of them at most the ``keep_done_jobs`` and ``keep_dead_jobs`` newest (``None``: any
    number). ``max_workers`` caps the workers of all hosts together (``None``: each host runs as many as it was started
    with). ``memory_limit`` is bytes, for handlers that name none. With ``cool_down`` a job that is throttled stops the
    whole queue for as long as it waits itself: until the instant ``throttled_until``, and longer each time
    (``throttles``).
    """

    name: str
    paused: bool = False
    backoff_enabled: bool = True
    backoff_base: float = 10.0
    backoff_max: float = 1800.0
    keep_done: float | None = 7.0
    keep_dead: float | None = 30.0
    max_workers: int | None = None
    memory_limit: int | None = None
    keep_done_jobs: int | None = None
    keep_dead_jobs: int | None = None
    cool_down: bool = False
    throttles: int = 0
    throttled_until: int | None = None

    def kept(self, outcome: str) -> tuple[float | None, int | None]:
        """Return for how many days ``done`` or ``dead`` jobs are kept, and how many of them."""
        if outcome == "done":
            return self.keep_done, self.keep_done_jobs
        return self.keep_dead, self.keep_dead_jobs

    def cools_at(self, now: int) -> bool:
        """Whether its jobs are not to be claimed at an instant, since one was throttled."""
        return self.throttled_until is not None and self.throttled_until > now


QUIET = 120_000_000
"""Microseconds without a throttle after which a job that went well makes its queue forget that it was throttled."""

MAX_WORKERS = 100_000
_YES_NO = ("paused", "backoff_enabled", "cool_down")
_NO_SETTINGS = ("name", "throttles", "throttled_until")
MAX_KEPT = 10**12
_DAYS = 36_500
FOR_EVER = float(_DAYS)
"""A hundred years of days: how "for ever" is stored, so that a program can read it that knows no such thing."""


def settings_as_stored(name: str, **stored: Any) -> QueueSettings:
    """Return settings as a row has them; in place of a value that nobody could have set, that of a new queue.

    Yes and no may be 1 and 0, and days may be those of ``FOR_EVER``.
    """
    settings: dict[str, Any] = {}
    for field, value in stored.items():
        with contextlib.suppress(InvalidValue):
            settings[field] = _stored(field, value)
    return QueueSettings(name=str(name), **settings)


def _stored(field: str, value: Any) -> Any:
    if field in ("throttles", "throttled_until"):
        good = (type(value) is int and value >= 0) or (value is None and field == "throttled_until")
        if not good:
            raise InvalidValue(f"{field} {quoted(value)} is not valid")
        return value
    if field == "max_workers" and type(value) is int:
        return min(max(value, 0), MAX_WORKERS)
    if field in _YES_NO and type(value) is int:
        return bool(value)
    if field in ("keep_done", "keep_dead") and isinstance(value, float) and value >= FOR_EVER:
        return None
    return _checked(field, value)


def checked_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of a queue's settings, checked; raise InvalidValue."""
    checked = {name: _checked(name, value) for name, value in changes.items()}
    if checked.get("cool_down") is False:  # a window that is open ends too
        checked |= {"throttles": 0, "throttled_until": None}
    return checked


def _checked(name: str, value: Any) -> Any:
    match name:
        case "paused" | "backoff_enabled" | "cool_down":  # those of _YES_NO
            good = isinstance(value, bool)
            rule = "True or False"
        case "max_workers":
            good = value is None or (type(value) is int and 0 <= value <= MAX_WORKERS)
            rule = f"a whole number from 0 to {MAX_WORKERS}, or None for no cap"
        case "keep_done" | "keep_dead":
            good = value is None or (type(value) in (int, float) and 0 <= value <= _DAYS)
            rule = "days, 0 or more, or None for ever"
        case "keep_done_jobs" | "keep_dead_jobs":
            good = value is None or (type(value) is int and 0 <= value <= MAX_KEPT)
            rule = "a whole number of jobs, 0 or more, or None for any number"
        case "backoff_base" | "backoff_max":
            good = type(value) in (int, float) and 0 <= value <= _DAYS * 86400
            rule = "seconds, 0 or more"
        case "memory_limit":
            return checked_size(value, name)
        case _:
            known = [field for field in QueueSettings.__struct_fields__ if field not in _NO_SETTINGS]
            raise InvalidValue(f"unknown setting {quoted(name)} of a queue; settings are {', '.join(known)}")
    if not good:
        raise InvalidValue(f"{name} {quoted(value)} is not valid: use {rule}")
    return value


class QueueCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of a queue are in each state now.

    ``pending`` may start now, ``scheduled`` waits for its time; ``held`` is claimed but not started, and counted
    in ``in_progress`` too; ``failed`` waits for its next attempt. ``oldest_ready_seconds`` is how long the job
    that is first in line has been waiting, ``None`` when none is.
    """

    pending: int = 0
    scheduled: int = 0
    in_progress: int = 0
    held: int = 0
    done: int = 0
    failed: int = 0
    dead: int = 0
    paused: bool = False
    workers: int = 0
    oldest_ready_seconds: float | None = None
