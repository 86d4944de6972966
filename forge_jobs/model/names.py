"""What may be the name of a queue or a kind, and which numbers are allowed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from forge_jobs.clock import as_instant
from forge_jobs.errors import InvalidValue
from forge_jobs.showing import quoted

_QUEUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}")
_KIND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,199}")
RESERVED = "forge."
"""How the kinds begin whose handlers come with the farm."""

PRIORITIES = range(-(2**31), 2**31)
ATTEMPTS = range(1, 1001)
INSTANTS = range(253_402_300_800 * 1_000_000)
"""Microseconds from 1970 to the end of 9999, UTC: what a datetime can hold."""

MAX_UNIQUE_KEY = 500
MIN_SIZE = 1024 * 1024
MAX_SIZE = 2**60
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTkmgt]?)(?:i?[Bb]|i)?")
_CENTURY = 100 * 366 * 86400
_AGE = re.compile(r"(\d{1,9}(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def checked_queue(name: str) -> str:
    """Return ``name`` if it can name a queue; raise InvalidValue."""
    return _checked(name, _QUEUE, "queue name", "1 to 64 letters, digits, '_', '.', ':' or '-', no spaces or commas")


def checked_kind(kind: str) -> str:
    """Return ``kind`` if it can name a kind of job; raise InvalidValue."""
    return _checked(kind, _KIND, "kind", "1 to 200 letters, digits, '_', '.', ':', '/' or '-'")


def _checked(name: object, pattern: re.Pattern[str], what: str, rule: str) -> str:
    if not isinstance(name, str) or not pattern.fullmatch(name):
        raise InvalidValue(f"{what} {quoted(name)} is not valid: use {rule}")
    return name


def checked_priority(priority: int) -> int:
    """Return ``priority`` if it fits 32 bits; lower runs first; raise InvalidValue."""
    if not is_int(priority) or not PRIORITIES[0] <= priority <= PRIORITIES[-1]:  # in a range an IntEnum is looked for
        raise InvalidValue(
            f"priority {quoted(priority)} is out of range: use a whole number from {PRIORITIES[0]} to {PRIORITIES[-1]}"
        )
    return priority


def checked_attempts(max_attempts: int, what: str = "max_attempts") -> int:
    """Return a number of attempts if it is from 1 to 1000; raise InvalidValue."""
    if not is_int(max_attempts) or not ATTEMPTS[0] <= max_attempts <= ATTEMPTS[-1]:
        raise InvalidValue(f"{what} {quoted(max_attempts)} is out of range: use a whole number from 1 to 1000")
    return max_attempts


def checked_unique_key(key: str | None, what: str = "unique_key") -> str | None:
    """Return ``key`` if it is None or a text of 1 to 500 characters that can be stored; raise InvalidValue."""
    if key is None:
        return None
    if not isinstance(key, str) or not 0 < len(key) <= MAX_UNIQUE_KEY or "\0" in key or not key.isprintable():
        raise InvalidValue(f"{what} {quoted(key)} is not valid: use 1 to {MAX_UNIQUE_KEY} printable characters")
    return key


def checked_moment(moment: datetime, what: str) -> int:
    """Return an aware datetime as a stored instant; raise InvalidValue for a naive one."""
    if not isinstance(moment, datetime):
        raise InvalidValue(f"{what} {quoted(moment)} is not a datetime")
    try:
        offset = moment.utcoffset()
    except Exception as error:  # noqa: BLE001 - a zone is any program's code
        raise InvalidValue(f"{what} {quoted(moment)} has a time zone that does not work: {quoted(error)}") from None
    if offset is None:
        raise InvalidValue(f"{what} {moment.isoformat()} has no time zone: say which, for example datetime.now(UTC)")
    instant = as_instant(moment)
    if instant not in INSTANTS:
        raise InvalidValue(f"{what} {moment.isoformat()} is out of range: use the years 1970 to 9999, in UTC")
    return instant


def checked_delay(delay: float, what: str = "delay") -> float:
    """Return ``delay`` if it is from 0 to 100 years in seconds; raise InvalidValue."""
    if not isinstance(delay, (int, float)) or isinstance(delay, bool) or not 0 <= delay <= _CENTURY:
        raise InvalidValue(f"{what} {quoted(delay)} is out of range: use seconds, 0 or more")
    return float(delay)


def checked_limit(seconds: float | None, what: str) -> float | None:
    """Return a time limit if it is None or above 0 seconds, up to 100 years; raise InvalidValue."""
    if seconds is None:
        return None
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 < seconds <= _CENTURY:
        raise InvalidValue(f"{what} {quoted(seconds)} is out of range: use seconds, more than 0")
    return float(seconds)


def checked_age(age: float | str | timedelta, what: str) -> float:
    """Return a duration in seconds: a number, a timedelta, or a text such as "30s", "5m", "2h", "2d" or "1w".

    Raises InvalidValue.
    """
    seconds: object = age.total_seconds() if isinstance(age, timedelta) else age
    if isinstance(age, str) and (told := _AGE.fullmatch(age.strip())):
        seconds = float(told[1]) * _UNITS[told[2]]
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 < seconds <= _CENTURY:
        raise InvalidValue(f"{what} {quoted(age)} is not valid: use a time such as 30s, 5m, 2h, 2d or 1w")
    return float(seconds)


def checked_size(size: int | str | None, what: str) -> int | None:
    """Return a size in bytes: a number, or a text such as "512MB" or "1.5 GiB"; raise InvalidValue.

    K, M and G are powers of 1024 here, with or without an i, a B or an iB behind them, as containers read them.
    """
    if size is None or (isinstance(size, int) and is_int(size) and MIN_SIZE <= size < MAX_SIZE):
        return size
    told = _SIZE.fullmatch(size.strip()) if isinstance(size, str) else None
    if told is not None:
        bytes_ = float(told[1]) * 1024 ** " kmgt".index(told[2].lower() or " ")
        if MIN_SIZE <= bytes_ < MAX_SIZE:
            return int(bytes_)
    raise InvalidValue(f'{what} {quoted(size)} is not valid: use a size of 1 MB or more, for example "512MB" or "2GB"')


def is_int(value: object) -> bool:
    """Return whether a value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)
