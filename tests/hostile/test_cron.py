"""Whatever stands where a cron expression should: refused in a sentence, or it fires; and neither takes long."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.clock import monotonic
from forge_jobs.errors import InvalidValue
from forge_jobs.model.schedule import MAX_EXPRESSION, Cron
from tests.support.clock import START
from tests.support.hostile import ODD, check_refusal, odd

WITHIN = 1.0
"""Seconds that an expression may take on a machine that does much else: a hundred times what the slowest does."""

letters = st.text("0123456789*/,-?LW# @\tJANMONhourlyd", max_size=40)
WORDS = "* */5 0 59 60 1-5 5-1 0-59/7 31 30 29 2 feb MON-FRI 7 1,2,3 */0 L ? 1#2 @daily H 1- , 00000000000000000001"
words = st.sampled_from(WORDS.split())
fields = st.lists(words, min_size=4, max_size=7).map(" ".join)
RARE = [
    "0 0 29 2 *",
    "0 0 30 2 *",
    "0 0 31 2,4,6,9,11 *",
    "59 59 23 31 12 7",
    "0 0 29 2 1",
    "0 0 31 */2 0#1",
    "0 0 0 * *",
]
LONG = [
    f"{','.join(map(str, range(60)))} * * * *",
    "0," * 200 + "0 * * * *",
    "*" * MAX_EXPRESSION,
    " " * 100_000,
    "* " * 100_000,
    "1" * 400 + " * * * *",
    "@" * 499,
]


def look(expression: Any, zone: Any = "UTC") -> None:
    """Fail unless an expression is refused as it should be, or fires soon enough, later each time."""
    begun = monotonic()
    try:
        cron = Cron(expression, zone)
    except InvalidValue as error:
        check_refusal(error)
    else:
        first = cron.next_after(START)
        assert first is not None
        assert first > START
        second = cron.next_after(first)
        assert second is None or second > first
        assert len(cron.newest(0, START, 5)) <= 5
    assert monotonic() - begun < WITHIN


@given(letters | fields, st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "Antarctica/Troll"]))
def test_what_looks_like_an_expression(expression: str, zone: str) -> None:
    look(expression, zone)


@pytest.mark.parametrize("expression", [*RARE, *LONG])
def test_what_is_rare_or_long_takes_no_time(expression: str) -> None:
    look(expression)


@given(odd)
def test_what_is_none_at_all(value: Any) -> None:
    look(value)
    look("* * * * *", value)


def test_a_zone_is_one_of_the_database_or_refused() -> None:
    for zone in ("../UTC", "/etc/localtime", "posixrules", "Europe", "UTC\0", "EUROPE/BERLIN ", *ODD):
        look("0 0 * * *", zone)
