"""What may be the name of a queue or a kind, and which numbers and moments are allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.clock import as_datetime, as_instant
from forge_jobs.errors import InvalidValue
from forge_jobs.model.names import (
    checked_attempts,
    checked_delay,
    checked_kind,
    checked_moment,
    checked_priority,
    checked_queue,
    checked_unique_key,
)


@pytest.mark.parametrize("name", ["default", "a", "0", "_x", "media.fast", "a:b", "a-b", "A" * 64])
def test_a_good_queue_name_is_kept(name: str) -> None:
    assert checked_queue(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a,b", "-a", ".a", "a/b", "ä", "a\n", "a\0", "\ud800", "A" * 65, None, 1, b"a", ["a"]]
)
def test_a_bad_queue_name_is_refused_by_name(name: Any) -> None:
    with pytest.raises(InvalidValue, match="queue name") as told:
        checked_queue(name)
    assert repr(name) in str(told.value)


@pytest.mark.parametrize("kind", ["work", "app.tasks:resize", "a/b", "A" * 200, "0"])
def test_a_good_kind_is_kept(kind: str) -> None:
    assert checked_kind(kind) == kind


@pytest.mark.parametrize("kind", ["", "a b", "<lambda>", "a,b", "/a", "ä", "A" * 201, None])
def test_a_bad_kind_is_refused(kind: Any) -> None:
    with pytest.raises(InvalidValue, match="kind"):
        checked_kind(kind)


@given(name=st.text(max_size=70))
def test_whatever_may_name_a_queue_has_no_space_no_comma_and_no_control_character(name: str) -> None:
    try:
        checked_queue(name)
    except InvalidValue:
        return
    assert name.isascii()
    assert name.isprintable()
    assert not set(name) & set(" ,;\"'\\/")


@pytest.mark.parametrize("priority", [0, -1, 2**31 - 1, -(2**31)])
def test_a_priority_of_32_bits_is_kept(priority: int) -> None:
    assert checked_priority(priority) == priority


@pytest.mark.parametrize("priority", [2**31, -(2**31) - 1, 1.0, "1", True, None])
def test_any_other_priority_is_refused(priority: Any) -> None:
    with pytest.raises(InvalidValue, match="-2147483648 to 2147483647"):
        checked_priority(priority)


@pytest.mark.parametrize("attempts", [1, 5, 1000])
def test_from_1_to_1000_attempts_are_allowed(attempts: int) -> None:
    assert checked_attempts(attempts) == attempts


@pytest.mark.parametrize("attempts", [0, -1, 1001, 1.0, True, "5"])
def test_any_other_number_of_attempts_is_refused(attempts: Any) -> None:
    with pytest.raises(InvalidValue, match="max_attempts"):
        checked_attempts(attempts)


@pytest.mark.parametrize("key", [None, "k", "a b", "é 漢 \U0001f40d", "x" * 500])
def test_a_good_unique_key_is_kept(key: str | None) -> None:
    assert checked_unique_key(key) == key


@pytest.mark.parametrize("key", ["", "a\0b", "a\nb", "\ud800", "x" * 501, 5, b"k"])
def test_a_bad_unique_key_is_refused(key: Any) -> None:
    with pytest.raises(InvalidValue, match="unique_key"):
        checked_unique_key(key)


def test_an_aware_moment_becomes_an_instant() -> None:
    assert checked_moment(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "run_at") == 0
    assert checked_moment(datetime(2025, 6, 15, 15, 6, 40, 1, tzinfo=UTC), "run_at") == 1_750_000_000_000_001


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"run_at 2025-01-01T00:00:00 has no time zone"):
        checked_moment(datetime(2025, 1, 1), "run_at")


@pytest.mark.parametrize("moment", ["2025-01-01", 0, None, datetime(2025, 1, 1).date()])
def test_what_is_no_datetime_is_no_moment(moment: Any) -> None:
    with pytest.raises(InvalidValue, match="not a datetime"):
        checked_moment(moment, "run_at")


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_every_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    assert as_datetime(as_instant(moment)) == moment


@pytest.mark.parametrize("delay", [0, 0.001, 5, 86_400 * 365.25 * 50])
def test_a_delay_in_seconds_is_kept(delay: float) -> None:
    assert checked_delay(delay) == delay


@pytest.mark.parametrize("delay", [-0.001, -1, float("nan"), float("inf"), 1e12, True, "5", None, timedelta(1)])
def test_any_other_delay_is_refused(delay: Any) -> None:
    with pytest.raises(InvalidValue, match="delay"):
        checked_delay(delay)
