"""The only file that reads a clock.

Instants that are stored are whole microseconds since 1970-01-01 UTC (``int``). Durations in memory are seconds
(``float``). ``monotonic`` stands still while the machine is suspended, ``boottime`` does not.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """A source of the current instant."""

    def now(self) -> int:
        """Return microseconds since the epoch."""


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        """Return microseconds since the epoch."""
        return time.time_ns() // 1000


def monotonic() -> float:
    """Return seconds that never jump; not counted while the machine is suspended."""
    return time.monotonic()


def monotonic_us() -> int:
    """Return ``monotonic`` in whole microseconds, as the board stores it."""
    return time.monotonic_ns() // 1000


def boottime_us() -> int:
    """Return microseconds since the machine started, suspended time included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def pause(seconds: float) -> None:
    """Wait where there is nothing to wait for but that another machine writes an answer."""
    time.sleep(seconds)


def as_datetime(instant: int | None) -> datetime | None:
    """Return a stored instant as an aware datetime in UTC; the first or last there is for one that is beyond it."""
    return None if instant is None else _EPOCH + timedelta(microseconds=min(max(instant, _FIRST), _LAST))


def as_instant(moment: datetime) -> int:
    """Return an aware datetime as a stored instant."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


_FIRST = as_instant(datetime.min.replace(tzinfo=UTC))
_LAST = as_instant(datetime.max.replace(tzinfo=UTC))
