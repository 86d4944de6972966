"""Lengths of time as people say them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from forge_jobs.errors import InvalidValue
from forge_jobs.model.durations import checked_duration

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("told", "microseconds"),
    [
        ("30s", 30 * SECOND),
        ("5m", 300 * SECOND),
        ("2h", 7200 * SECOND),
        ("2d", 172_800 * SECOND),
        ("1w", 604_800 * SECOND),
        (" 1.5 h ", 5400 * SECOND),
        ("0s", 0),
        (90, 90 * SECOND),
        (0.25, SECOND // 4),
        (timedelta(minutes=2), 120 * SECOND),
    ],
)
def test_a_length_of_time_is_read(told: Any, microseconds: int) -> None:
    assert checked_duration(told, "age") == microseconds


@pytest.mark.parametrize(
    "told", ["", "2", "d", "2 days", "-1s", "1M", "1e3s", -1, True, None, float("nan"), "9999999w"]
)
def test_what_is_none_is_told_with_an_example(told: Any) -> None:
    with pytest.raises(InvalidValue, match=r"age .* is not valid: use a length of time such as 30s"):
        checked_duration(told, "age")
