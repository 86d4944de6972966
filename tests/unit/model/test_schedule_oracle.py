"""Next fires against an oracle that knows nothing of croniter, over random expressions, zones and instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import assume, event, example, given
from hypothesis import strategies as st

from forge_jobs.clock import as_datetime, as_instant
from forge_jobs.errors import InvalidValue
from forge_jobs.model.schedule import Cron
from tests.support.cron_oracle import Oracle

FIRST, LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
ODD = ["Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
       "America/Sao_Paulo", "Africa/Casablanca", "Africa/Cairo", "Asia/Tehran", "Pacific/Kwajalein", "Asia/Gaza", "UTC",
       "Antarctica/Troll", "Europe/Dublin", "Pacific/Chatham", "America/Scoresbysund", "America/Havana"]  # fmt: skip
"""Zones whose clocks do something that those of others do not."""

ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("posix/", "right/")))


def items(low: int, high: int, names: list[str] | None = None) -> st.SearchStrategy[str]:
    """Return what may stand between two commas of a field."""
    number = st.integers(low, high)
    one = number.map(str) if names is None else st.one_of(number.map(str), st.sampled_from(names))
    ranges = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.one_of(st.just("*"), ranges, number.map(str)), st.integers(1, high)).map(
        lambda p: f"{p[0]}/{p[1]}"
    )
    return st.one_of(one, ranges, steps)


def fields(low: int, high: int, names: list[str] | None = None, *, stars: int = 1) -> st.SearchStrategy[str]:
    listed = st.lists(items(low, high, names), min_size=1, max_size=3).map(",".join)
    every = st.integers(1, high).map(lambda step: f"*/{step}")
    return st.one_of(*[st.just("*")] * stars, listed, every)


DAY_NAMES = ["sun", "MON", "Tue", "wed", "thu", "fri", "sat"]
MONTH_NAMES = ["jan", "FEB", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "Dec"]
FIVE = (
    fields(0, 59),
    fields(0, 23),
    fields(1, 31, stars=3),
    fields(1, 12, MONTH_NAMES, stars=4),
    fields(0, 7, DAY_NAMES, stars=3),
)
EXPRESSIONS = st.one_of(
    st.tuples(*FIVE).map(" ".join),
    st.tuples(*FIVE).map(" ".join),
    st.tuples(fields(0, 59), *FIVE).map(" ".join),
    st.sampled_from(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]),
)


@cache
def changes(zone: str) -> list[datetime]:
    """Return, to the minute, when the clocks of a zone are changed."""
    place = ZoneInfo(zone)
    found, week = [], timedelta(days=7)
    moment = FIRST
    while moment < LAST:
        low, high = moment, moment + week
        if low.astimezone(place).utcoffset() != high.astimezone(place).utcoffset():
            while high - low > timedelta(minutes=1):
                middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
                same = middle.astimezone(place).utcoffset() == low.astimezone(place).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high)
        moment += week
    return found or [FIRST]


@st.composite
def places(draw: st.DrawFn) -> tuple[str, datetime]:
    """Return a zone and a moment, which is near a change of the clocks mostly."""
    zone = draw(st.one_of(st.sampled_from(ODD), st.sampled_from(ZONES)))
    if draw(st.integers(0, 4)):
        near = draw(st.sampled_from(changes(zone)))
        hours = draw(st.sampled_from([1, 1, 2, 30]))
        return zone, near + timedelta(microseconds=draw(st.integers(-(10**6) * 3600 * hours, 10**6 * 3600 * hours)))
    return zone, draw(st.datetimes(datetime(1980, 1, 2), datetime(2059, 12, 1), timezones=st.just(UTC)))


@given(EXPRESSIONS, places(), st.booleans())
@example("30 2 * * *", ("Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC)), True)
@example("0 12 * * *", ("Pacific/Apia", datetime(2011, 12, 30, 8, tzinfo=UTC)), True)
@example("0 0 29 2 *", ("UTC", datetime(2096, 3, 1, tzinfo=UTC)), True)
def test_the_next_fire_is_the_oracles(expression: str, place: tuple[str, datetime], whole: bool) -> None:
    zone, moment = place
    moment = moment.replace(second=0, microsecond=0) if whole else moment
    try:
        cron = Cron(expression, zone)
    except InvalidValue as error:
        assume("never fires" not in str(error))
        raise

    found = as_datetime(cron.next_after(as_instant(moment)))
    expected = Oracle(expression, zone).next_after(moment, days=10)

    event("within days" if expected else "later")
    if expected is None:
        assert found is None or found - moment > timedelta(days=9)
    else:
        assert found == expected


@given(EXPRESSIONS, places())
def test_fires_that_are_days_apart_are_the_oracles(expression: str, place: tuple[str, datetime]) -> None:
    zone, moment = place
    try:
        cron = Cron(expression, zone)
    except InvalidValue:
        assume(False)
    found = as_datetime(cron.next_after(as_instant(moment)))

    assert found is not None
    assert Oracle(expression, zone).next_after(moment, days=(found - moment).days) == found


@given(EXPRESSIONS, places(), st.integers(1, 40), st.integers(1, 200))
def test_the_newest_fires_are_those_of_a_walk(
    expression: str, place: tuple[str, datetime], limit: int, hours: int
) -> None:
    zone, moment = place
    try:
        cron = Cron(expression, zone)
    except InvalidValue:
        assume(False)
    after = as_instant(moment)
    until = after + min(hours, 3 if len(expression.split()) == 6 else 200) * 3_600_000_000
    walked, fire = [], cron.next_after(after)
    while fire is not None and fire <= until and len(walked) < 20_000:
        walked.append(fire)
        fire = cron.next_after(fire)
    assume(len(walked) < 20_000)

    assert cron.newest(after, until, limit) == walked[-limit:]
    assert walked == sorted(set(walked))
