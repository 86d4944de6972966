"""When an expression fires: which are taken, what they mean, and what the clocks of zones do to them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from forge_jobs.clock import as_datetime, as_instant
from forge_jobs.errors import InvalidValue
from forge_jobs.model.schedule import SHORTHANDS, Cron, cron_of, local_time, zone_of


def after(expression: str, start: str, zone: str = "UTC", number: int = 1) -> list[str]:
    """Return the next fires after an ISO time, in local time with its offset."""
    cron = Cron(expression, zone)
    found: list[str] = []
    instant: int | None = as_instant(datetime.fromisoformat(start).replace(tzinfo=UTC))
    for _ in range(number):
        assert instant is not None
        instant = cron.next_after(instant)
        assert instant is not None
        found.append(local_time(instant, zone).isoformat())
    return found


MEANINGS = [
    # a Friday
    ("* * * * *", "2026-05-01 10:00:00", "2026-05-01T10:01:00"),
    ("* * * * *", "2026-05-01 10:00:59.999999", "2026-05-01T10:01:00"),
    ("*/15 * * * *", "2026-05-01 10:00", "2026-05-01T10:15:00"),
    ("*/7 * * * *", "2026-05-01 10:57", "2026-05-01T11:00:00"),
    ("3/20 * * * *", "2026-05-01 10:24", "2026-05-01T10:43:00"),
    ("10-20/5,40 * * * *", "2026-05-01 10:20", "2026-05-01T10:40:00"),
    ("0 9-17 * * mon-fri", "2026-05-01 17:00", "2026-05-04T09:00:00"),
    ("0 0 31 * *", "2026-05-31 00:00", "2026-07-31T00:00:00"),
    ("0 0 29 2 *", "2026-05-01 00:00", "2028-02-29T00:00:00"),
    ("0 0 29 2 *", "2096-03-01 00:00", "2104-02-29T00:00:00"),
    ("0 0 1 JAN,Jul *", "2026-05-01 00:00", "2026-07-01T00:00:00"),
    ("0 0 * * 0", "2026-05-01 00:00", "2026-05-03T00:00:00"),
    ("0 0 * * 7", "2026-05-01 00:00", "2026-05-03T00:00:00"),
    ("0 0 * * SUN", "2026-05-01 00:00", "2026-05-03T00:00:00"),
    ("0 0 * * 5-7", "2026-05-02 00:00", "2026-05-03T00:00:00"),
    ("0 0 * * 6-7", "2026-05-03 00:00", "2026-05-09T00:00:00"),
    ("0 0 * * 5/1", "2026-05-02 00:00", "2026-05-08T00:00:00"),
    ("0 0 * * */3", "2026-05-01 00:00", "2026-05-02T00:00:00"),
    # both days restricted: either
    ("0 0 13 * 1", "2026-05-05 00:00", "2026-05-11T00:00:00"),
    ("0 0 13 * 1", "2026-05-11 00:00", "2026-05-13T00:00:00"),
    ("0 0 31 2 mon", "2026-05-01 00:00", "2027-02-01T00:00:00"),
    ("0 0 1-31 * mon", "2026-05-01 00:00", "2026-05-02T00:00:00"),
    ("0 0 13 * 0-7", "2026-05-01 00:00", "2026-05-02T00:00:00"),
    # one of them begins with a star: both
    ("0 0 */2 * mon", "2026-05-01 00:00", "2026-05-11T00:00:00"),
    ("0 0 13 * */7", "2026-05-01 00:00", "2026-09-13T00:00:00"),
    # six fields: the second is in front
    ("30 * * * * *", "2026-05-01 10:00:30", "2026-05-01T10:01:30"),
    ("*/20 59 23 31 12 *", "2026-05-01 00:00", "2026-12-31T23:59:00"),
    ("  0   12 * * *  ", "2026-05-01 00:00", "2026-05-01T12:00:00"),
    ("@hourly", "2026-05-01 00:00", "2026-05-01T01:00:00"),
    ("@daily", "2026-05-01 00:00", "2026-05-02T00:00:00"),
    ("@midnight", "2026-05-01 00:00", "2026-05-02T00:00:00"),
    ("@weekly", "2026-05-01 00:00", "2026-05-03T00:00:00"),
    ("@monthly", "2026-05-01 00:00", "2026-06-01T00:00:00"),
    ("@yearly", "2026-05-01 00:00", "2027-01-01T00:00:00"),
    ("@Annually", "2026-05-01 00:00", "2027-01-01T00:00:00"),
]


@pytest.mark.parametrize(("expression", "start", "expected"), MEANINGS)
def test_an_expression_means_what_crontab_says(expression: str, start: str, expected: str) -> None:
    assert after(expression, start) == [f"{expected}+00:00"]


CLOCKS = [
    # forward: what is skipped fires once, at the gap's end; what matches there anyhow does not fire again
    ("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00",
     ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("*/20 * * * *", "Europe/Berlin", "2026-03-29 00:30",
     ["2026-03-29T01:40:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:20:00+02:00"]),
    ("10,50 2 * * *", "America/New_York", "2026-03-08 00:00",
     ["2026-03-08T03:00:00-04:00", "2026-03-09T02:10:00-04:00"]),
    ("0 3 * * *", "America/New_York", "2026-03-08 00:00",
     ["2026-03-08T03:00:00-04:00", "2026-03-09T03:00:00-04:00"]),
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00",
     ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]),
    ("0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00",
     ["2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"]),
    ("0 0 * * *", "Africa/Cairo", "2024-04-25 12:00", ["2024-04-26T01:00:00+03:00", "2024-04-27T00:00:00+03:00"]),
    # a day that never was
    ("0 12 * * *", "Pacific/Apia", "2011-12-29 12:00",
     ["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"]),
    ("0 0 30 12 *", "Pacific/Apia", "2011-12-29 12:00", ["2011-12-31T00:00:00+14:00", "2012-12-30T00:00:00+14:00"]),
    ("0 */12 * * *", "Pacific/Apia", "2011-12-30 09:00", ["2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"]),
    # back: what is repeated fires at its first occurrence only
    ("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00",
     ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("*/30 * * * *", "Europe/Berlin", "2026-10-24 23:45",
     ["2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00"]),
    ("30 1 * * *", "America/New_York", "2026-11-01 05:30",
     ["2026-11-02T01:30:00-05:00"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00",
     ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]),
    ("* * * * *", "Australia/Lord_Howe", "2026-04-04 14:58",
     ["2026-04-05T01:59:00+11:00", "2026-04-05T02:00:00+10:30"]),
    ("59 59 2 * * *", "Europe/Berlin", "2026-10-25 00:59:58.5",
     ["2026-10-25T02:59:59+02:00", "2026-10-26T02:59:59+01:00"]),
    # asked while times are repeated
    ("*/30 * * * *", "Europe/Berlin", "2026-10-25 01:10", ["2026-10-25T03:00:00+01:00", "2026-10-25T03:30:00+01:00"]),
    ("* * * * * *", "Europe/Berlin", "2026-10-25 01:00", ["2026-10-25T03:00:00+01:00", "2026-10-25T03:00:01+01:00"]),
    ("59 * * * *", "Australia/Lord_Howe", "2026-04-04 15:29:59",
     ["2026-04-05T02:59:00+10:30", "2026-04-05T03:59:00+10:30"]),
    ("30 2 * * *", "Europe/Berlin", "2080-10-27 01:15", ["2080-10-28T02:30:00+01:00"]),
    # far ahead the rule goes on, by which the zone's table ends
    ("30 2 * * *", "Europe/Berlin", "2080-03-30 12:00", ["2080-03-31T03:00:00+02:00", "2080-04-01T02:30:00+02:00"]),
    # winter time that is the summer time set back, and a zone two hours off
    ("30 1 * * *", "Europe/Dublin", "2026-03-28 12:00", ["2026-03-29T02:00:00+01:00", "2026-03-30T01:30:00+01:00"]),
    ("30 1,2 * * *", "Antarctica/Troll", "2026-03-28 12:00",
     ["2026-03-29T03:00:00+02:00", "2026-03-30T01:30:00+02:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "zone", "start", "expected"), CLOCKS)
def test_clocks_that_are_changed(expression: str, zone: str, start: str, expected: list[str]) -> None:
    assert after(expression, start, zone, len(expected)) == expected


def test_every_minute_of_a_day_with_a_change_fires_once() -> None:
    for start, hours in (("2026-03-28 23:00", 23), ("2026-10-24 22:00", 25)):
        fires = after("* * * * *", start, "Europe/Berlin", 24 * 60)
        day = [fire for fire in fires if fire[8:10] in ("29", "25")]
        assert len(day) == len(set(day)) == (hours * 60 - (60 if hours == 25 else 0)) - 1


REFUSED = [
    ("", "it has 0 fields"),
    ("* * * *", "it has 4 fields"),
    ("* * * * * * *", "it has 7 fields"),
    ("0 0 0 1 1 * 2030", "it has 7 fields"),
    ("@reboot", "there is no such name: use @yearly"),
    ("@every 5m", "there is no such name"),
    ("60 * * * *", "minute '60' is not valid: use 0 to 59"),
    ("60 * * * * *", "second '60' is not valid"),
    ("0 24 * * *", "hour '24' is not valid: use 0 to 23"),
    ("0 0 0 * *", "day of month '0' is not valid: use 1 to 31"),
    ("0 0 32 * *", "day of month '32'"),
    ("0 0 1 13 *", "month '13' is not valid: use 1 to 12 or jan to dec"),
    ("0 0 1 january *", "month 'january'"),
    ("0 0 * * 8", "day of week '8' is not valid: use 0 to 7 or sun to sat"),
    ("0 0 * * jan", "day of week 'jan'"),
    ("0 0 L * *", "day of month 'l'"),
    ("0 0 15W * *", "day of month '15w'"),
    ("0 0 LW * *", "day of month 'lw'"),
    ("0 0 * * 5L", "day of week '5l'"),
    ("0 0 * * L5", "day of week 'l5'"),
    ("0 0 * * 5#2", "day of week '5#2'"),
    ("0 0 ? * *", "day of month '?'"),
    ("H * * * *", "minute 'h'"),
    ("H/5 * * * *", "minute 'h/5'"),
    ("R * * * *", "minute 'r'"),
    ("*/0 * * * *", "the step '0' is not a number from 1 to 59"),
    ("*/60 * * * *", "the step '60' is not a number from 1 to 59"),
    ("*/ * * * *", "the step '' is not a number"),
    ("*/5/5 * * * *", "the step '5/5' is not a number"),
    ("*/-5 * * * *", "the step '-5' is not a number"),
    ("30-10 * * * *", "minute '30-10' goes backwards"),
    ("0 0 * * fri-mon", "day of week 'fri-mon' goes backwards: .* Sunday is 7 too"),
    ("0 0 * * sat-sun", "day of week 'sat-sun' goes backwards"),
    ("0 22-2 * * *", "hour '22-2' goes backwards"),
    ("1,,2 * * * *", "minute '' is not valid"),
    (", * * * *", "minute '' is not valid"),
    ("1- * * * *", "minute '1-' is not valid"),
    ("-1 * * * *", "minute '-1' is not valid"),
    ("1-2-3 * * * *", "minute '1-2-3' is not valid"),
    ("*-5 * * * *", "minute"),
    ("** * * * *", "minute '\\*\\*' is not valid"),
    ("1.5 * * * *", "minute '1.5' is not valid"),
    ("+5 * * * *", "minute '\\+5' is not valid"),
    ("00005 * * * *", "minute '00005' is not valid"),
    ("0x5 * * * *", "minute '0x5' is not valid"),
    ("0 0 30 2 *", "it never fires: no month that it names has a day 30"),
    ("0 0 31 2,4,6,9,11 *", "it never fires: no month that it names has a day 31"),
    ("0 0 31 feb */2", "it never fires"),
    ("\u0661 * * * *", "use five fields"),
    ("*\u00a0* * * *", "use five fields"),
    ("0 " * 400, "use five fields"),
    (None, "use five fields"),
    (5, "use five fields"),
]


@pytest.mark.parametrize(("expression", "why"), REFUSED)
def test_what_is_not_valid_is_refused_in_one_sentence(expression: str, why: str) -> None:
    with pytest.raises(InvalidValue, match=why) as raised:
        Cron(expression)

    assert str(raised.value).startswith("cron expression ")
    assert "\n" not in str(raised.value)


ODD_ZONES = [
    "",
    "Mars/Olympus",
    "localtime",
    "right/UTC",
    "posix/UTC",
    "Factory",
    "../etc/passwd",
    "Africa",
    "a\0b",
    None,
    3,
]


@pytest.mark.parametrize("zone", ODD_ZONES)
def test_a_zone_that_is_not_known_everywhere_is_refused(zone: str) -> None:
    with pytest.raises(InvalidValue, match="is not known: use a name of the IANA database"):
        Cron("* * * * *", zone)


def test_utc_needs_no_database_of_zones() -> None:
    assert zone_of("UTC") is UTC


def test_leap_days_that_are_sundays_are_found() -> None:
    assert after("0 0 29 2 */7", "2088-03-01") == ["2128-02-29T00:00:00+00:00"]


def test_after_the_end_of_the_calendar_there_is_nothing() -> None:
    last = as_instant(datetime(9999, 6, 1, tzinfo=UTC))

    assert Cron("0 0 1 1 *").next_after(last) is None
    assert Cron("0 0 1 12 *").next_after(last) == as_instant(datetime(9999, 12, 1, tzinfo=UTC))


def test_the_same_expression_is_read_once() -> None:
    assert cron_of("* * * * *", "UTC") is cron_of("* * * * *", "UTC")
    assert repr(Cron("@daily", "Europe/Berlin")) == "Cron('@daily', 'Europe/Berlin')"


@pytest.mark.parametrize("name", SHORTHANDS)
def test_shorthands_fire(name: str) -> None:
    first = Cron(name).next_after(0)
    assert as_datetime(first) is not None


def test_newest_needs_no_walk_over_years() -> None:
    start, end = (as_instant(datetime(year, 1, 1, tzinfo=UTC)) for year in (1990, 2026))

    assert Cron("* * * * * *").newest(start, end, 3) == [end - 2_000_000, end - 1_000_000, end]
    assert len(Cron("* * 3 * * *").newest(start, end, 100)) == 100
    assert Cron("0 0 1 1 *").newest(start, end, 100)[:1] == [as_instant(datetime(1991, 1, 1, tzinfo=UTC))]
    assert Cron("0 0 1 1 *").newest(end, end, 100) == []
    assert Cron("0 0 1 1 *").newest(start, end, 0) == []
