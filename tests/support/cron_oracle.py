"""When a cron expression fires, by brute force: to check the real thing against. Nothing of it is used here.

The local calendar is walked day by day, and on the days that match the clock of the zone is watched minute by minute
as it shows its times: a time fires when the clock first shows it, or has jumped over it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_NAMED = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_MINUTE = timedelta(minutes=1)
_AROUND = timedelta(hours=40)
"""How far from midnight in UTC a zone's day may reach, a skipped day included."""


class Oracle:
    """An expression and a zone."""

    def __init__(self, expression: str, timezone: str) -> None:
        texts = _NAMED.get(expression.lower(), expression).lower().split()
        seconds = texts.pop(0) if len(texts) == 6 else "0"
        minutes, hours, days, months, weekdays = texts
        self._seconds = sorted(_read(seconds, 0, 59))
        self._minutes = _read(minutes, 0, 59)
        self._hours = _read(hours, 0, 23)
        self._days = _read(days, 1, 31)
        self._months = _read(months, 1, 12, {name: n for n, name in enumerate(_MONTHS, 1)})
        names = {name: n for n, name in enumerate(_DAYS)}
        self._weekdays = {n % 7 for n in _read(weekdays, 0, 6 if weekdays.startswith("*") else 7, names)}
        self._any_day, self._any_weekday = days.startswith("*"), weekdays.startswith("*")
        self._zone: Any = UTC if timezone == "UTC" else ZoneInfo(timezone)

    def next_after(self, moment: datetime, days: int) -> datetime | None:
        """Return the first fire strictly after a moment; None where there is none on the next ``days`` days."""
        first = moment.date() - timedelta(days=2)
        for day in (first + timedelta(days=n) for n in range(days + 5)):
            if self._is_day(day):
                fires = [fire for fire in self._fires_of(day) if fire > moment]
                if fires:
                    return min(fires)
        return None

    def _is_day(self, day: date) -> bool:
        if day.month not in self._months:
            return False
        in_month, in_week = day.day in self._days, day.isoweekday() % 7 in self._weekdays
        if self._any_day or self._any_weekday:
            return in_month and in_week
        return in_month or in_week

    def _fires_of(self, day: date) -> Iterator[datetime]:
        """Give when the times of one local day fire."""
        midnight = datetime(day.year, day.month, day.day)
        moment = midnight.replace(tzinfo=UTC) - _AROUND
        end = midnight.replace(tzinfo=UTC) + _AROUND
        to_come = self._shown(moment)
        while moment < end:
            shown = self._shown(moment)
            while to_come < shown:
                if any(True for _ in self._seconds_at(day, to_come)):
                    yield moment
                to_come += _MINUTE
            if shown == to_come:
                for second in self._seconds_at(day, shown):
                    yield moment + timedelta(seconds=second)
                to_come += _MINUTE
            moment += _MINUTE

    def _shown(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None, fold=0)

    def _seconds_at(self, day: date, minute: datetime) -> list[int]:
        matches = minute.date() == day and minute.hour in self._hours and minute.minute in self._minutes
        return self._seconds if matches else []


def _read(text: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    found = set()
    for item in text.split(","):
        for name, number in (names or {}).items():
            item = re.sub(rf"\b{name}\b", str(number), item)
        match = re.fullmatch(r"(?:(\*)|(\d+)(?:-(\d+))?)(?:/(\d+))?", item)
        assert match, item
        star, first, last, step = match.groups()
        start = low if star else int(first)
        if last:
            end = int(last)
        elif star or step:
            end = max(high, start) if high != 7 or start == 7 else 6
        else:
            end = start
        found |= {n for n in range(start, end + 1) if (n - start) % int(step or 1) == 0}
    return found
