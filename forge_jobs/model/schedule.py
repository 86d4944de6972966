"""When a cron expression fires: five or six fields, in a time zone. The only file that imports croniter.

The expression is read here, strictly, and croniter is given plain lists of numbers and local times without a zone:
what it does beyond that (``L``, ``#``, ``?``, hashes, zones of its own) is never reached.

Daylight saving. Think of the local times that match as a set. Each fires at the first instant at which the local
clock shows that time or a later one: a time that is repeated fires at its first occurrence and not again, all times
that a gap skips fire once, at the gap's end.
"""

from __future__ import annotations

import copy
import functools
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

import msgspec

from forge_jobs.clock import MICROSECONDS, as_datetime, as_instant
from forge_jobs.errors import InvalidValue
from forge_jobs.showing import quoted

MAX_EXPRESSION = 500
_SECOND: Final = timedelta(seconds=1)
_UNLIKE_ELSEWHERE = ("localtime", "posixrules", "Factory", "posix/", "right/")
"""How names begin in the database of zones that mean something else on each machine, or nothing."""


class Field(msgspec.Struct, frozen=True):
    """One of an expression's fields: what it is called, its numbers, and names for them from the lowest on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


SECOND = Field("second", 0, 59)
MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day of month", 1, 31)
MONTH = Field("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"))
WEEKDAY = Field("day of week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
FIVE = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)

SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
"""The last day of the months that have fewer than 31, in a leap year."""


class Cron:
    """An expression in a zone. Raises InvalidValue, in one sentence, for what is not valid or never fires.

    Five fields (minute, hour, day of month, month, day of week) as crontab(5) reads them, or six, with the second in
    front, or one of the names ``@yearly`` … ``@hourly``. Safe to use from several threads.
    """

    def __init__(self, expression: str, timezone: str = "UTC") -> None:
        self.expression = checked_text(expression)
        self.timezone = timezone
        self._zone = zone_of(timezone)
        self._matches = _matcher(self.expression)

    def __repr__(self) -> str:
        return f"Cron({self.expression!r}, {self.timezone!r})"

    def next_after(self, instant: int) -> int | None:
        """Return the first fire strictly after an instant, both in microseconds since the epoch.

        None where there is none up to the year 9999.
        """
        try:
            reached = _reached(_local(instant, self._zone))
            found = copy.copy(self._matches).get_next(datetime, start_time=reached.replace(microsecond=0))
            return as_instant(_first_shown(found, self._zone))
        except (OverflowError, ValueError):  # the calendar ends; croniter's errors are ValueErrors
            return None

    def newest(self, after: int, until: int, limit: int) -> list[int]:
        """Return the newest ``limit`` fires after an instant up to another, in order, without walking all of them."""
        first = self.next_after(after)
        if limit <= 0 or first is None or first > until:
            return []
        if until - first <= limit * MICROSECONDS:
            return self._walk(first, until)[-limit:]
        middle = first + (until - first) // 2
        late = self.newest(middle, until, limit)
        return [*self.newest(first - 1, middle, limit - len(late)), *late]

    def _walk(self, first: int, until: int) -> list[int]:
        found = []
        fire: int | None = first
        while fire is not None and fire <= until:
            found.append(fire)
            fire = self.next_after(fire)
        return found


@functools.lru_cache(maxsize=4096)
def cron_of(expression: str, timezone: str) -> Cron:
    """Return a Cron; of the same expression and zone the same one."""
    return Cron(expression, timezone)


def local_time(instant: int, timezone: str) -> datetime:
    """Return an instant as the aware local time of a zone; raise InvalidValue for an unknown zone."""
    return _local(instant, zone_of(timezone))


def checked_text(expression: str) -> str:
    """Return an expression with one space between its fields; raise InvalidValue where that cannot be one."""
    if not isinstance(expression, str) or not expression.isascii() or len(expression) > MAX_EXPRESSION:
        raise InvalidValue(
            f"cron expression {quoted(expression)} is not valid: use five fields (minute, hour, day of month, month, "
            "day of week), for example '*/15 * * * *'"
        )
    return " ".join(expression.split())


def zone_of(timezone: str) -> tzinfo:
    """Return the zone that has this IANA name; raise InvalidValue."""
    if timezone == "UTC":
        return UTC
    try:
        if isinstance(timezone, str) and timezone.isascii() and not timezone.startswith(_UNLIKE_ELSEWHERE):
            from zoneinfo import ZoneInfo

            return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        pass
    raise InvalidValue(
        f"time zone {quoted(timezone)} is not known: use a name of the IANA database such as 'Europe/Berlin', or 'UTC'"
    )


def _matcher(expression: str) -> Any:
    """Return croniter's iterator over the local times that match."""
    if expression.startswith("@") and expression.lower() not in SHORTHANDS:
        raise _invalid(expression, f"there is no such name: use {', '.join(SHORTHANDS)}")
    texts = SHORTHANDS.get(expression.lower(), expression).split(" ")
    fields = {5: FIVE, 6: (SECOND, *FIVE)}.get(len(texts))
    if fields is None or not expression:
        raise _invalid(
            expression,
            f"it has {len(texts) if expression else 0} fields: use five (minute, hour, day of month, month, "
            "day of week) or six (the second in front)",
        )
    sets = {field.name: _numbers(expression, field, text.lower()) for field, text in zip(fields, texts, strict=True)}
    sets[WEEKDAY.name] = {number % 7 for number in sets[WEEKDAY.name]}
    either = not texts[-3].startswith("*") and not texts[-1].startswith("*")  # crontab(5): both fields are restricted
    _check_it_fires(expression, sets, either=either)
    if either and (len(sets[DAY.name]) == 31 or len(sets[WEEKDAY.name]) == 7):
        sets[DAY.name], sets[WEEKDAY.name] = set(range(1, 32)), set(range(7))
    plain = " ".join(_plain(field, sets[field.name]) for field in fields)
    from croniter import croniter  # here: it takes a fifth of the time that importing this package takes

    return croniter(plain, datetime(2000, 1, 1), day_or=either, second_at_beginning=True)  # noqa: DTZ001 - local


def _plain(field: Field, numbers: set[int]) -> str:
    whole = field.high - field.low + (field is not WEEKDAY)
    return "*" if len(numbers) == whole else ",".join(map(str, sorted(numbers)))


def _check_it_fires(expression: str, sets: dict[str, set[int]], *, either: bool) -> None:
    first = min(sets[DAY.name])
    if not either and all(first > _LONGEST.get(month, 31) for month in sets[MONTH.name]):
        raise _invalid(expression, f"it never fires: no month that it names has a day {first}")


def _numbers(expression: str, field: Field, text: str) -> set[int]:
    """Return the numbers that a field names."""
    found: set[int] = set()
    for part in text.split(","):
        try:
            found.update(_part(field, part))
        except InvalidValue as error:
            raise _invalid(expression, str(error)) from None
    return found


def _part(field: Field, part: str) -> range:
    """Return what one item of a list names: ``*``, ``3``, ``1-5``, and each but the second with ``/2`` too."""
    span, slash, step_text = part.partition("/")
    low_text, dash, high_text = span.partition("-")
    if span == "*":
        low, high = field.low, field.high - (field is WEEKDAY)  # 7 is another name of 0
    else:
        low = _number(field, low_text, part)
        high = _number(field, high_text, part) if dash else low
    if low > high:
        hint = ", and Sunday is 7 too" if field is WEEKDAY else ""
        raise InvalidValue(f"{field.name} {quoted(part)} goes backwards: the first of a range is the lower one{hint}")
    if not slash:
        return range(low, high + 1)
    if not dash and span != "*":
        high = field.high - (field is WEEKDAY and low < field.high)
    if not _is_number(step_text) or not 1 <= int(step_text) <= field.high:
        raise InvalidValue(
            f"{field.name} {quoted(part)}: the step {quoted(step_text)} is not a number from 1 to {field.high}"
        )
    return range(low, high + 1, int(step_text))


def _number(field: Field, text: str, part: str) -> int:
    if text in field.names:
        return field.names.index(text) + field.low
    if _is_number(text) and field.low <= int(text) <= field.high:
        return int(text)
    named = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    raise InvalidValue(
        f"{field.name} {quoted(part)} is not valid: use {field.low} to {field.high}{named}, '*', ranges 'a-b', "
        "steps '/n' and lists of them"
    )


def _is_number(text: str) -> bool:
    return 0 < len(text) <= 4 and text.isdecimal()


def _invalid(expression: str, why: str) -> InvalidValue:
    return InvalidValue(f"cron expression {quoted(expression)} is not valid: {why}")


def _local(instant: int, zone: tzinfo) -> datetime:
    moment = as_datetime(instant)
    assert moment is not None
    return moment.astimezone(zone)


def _reached(local: datetime) -> datetime:
    """Return the latest local time (without its zone) that the clock has shown up to a moment."""
    if local.fold:  # it has been set back: by as much as the two readings of this time differ
        set_back = (local.replace(fold=0).utcoffset() or timedelta()) - (local.utcoffset() or timedelta())
        moment = local.astimezone(UTC)
        turned = _change(moment - set_back, moment, local.tzinfo)
        last = (turned - _SECOND).astimezone(local.tzinfo)
        return last.replace(tzinfo=None, fold=0)
    return local.replace(tzinfo=None)


def _first_shown(time: datetime, zone: tzinfo) -> datetime:
    """Return the first moment at which a zone's clock shows a local time, or a later one where that is skipped."""
    moment = time.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == time:
        return moment
    early = time.replace(tzinfo=zone, fold=1).astimezone(UTC)  # read by the offset that holds after the gap
    return _change(early, moment, zone)


def _change(before: datetime, after: datetime, zone: tzinfo | None) -> datetime:
    """Return the second at which a zone's offset changes, which it does once between two moments."""

    def offset(moment: datetime) -> timedelta | None:
        return moment.astimezone(zone).utcoffset()

    old = offset(before)
    low, high = 0, int((after - before) / _SECOND)
    start = before.replace(microsecond=0)
    while high - low > 1:
        middle = (low + high) // 2
        if offset(start + middle * _SECOND) == old:
            low = middle
        else:
            high = middle
    return start + high * _SECOND
