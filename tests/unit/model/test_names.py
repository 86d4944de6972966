"""What may be the name of a queue or a kind, and which numbers and moments are allowed."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.clock import as_datetime, as_instant
from forge_jobs.errors import InvalidValue
from forge_jobs.model.names import (
    checked_age,
    checked_attempts,
    checked_delay,
    checked_kind,
    checked_limit,
    checked_moment,
    checked_priority,
    checked_queue,
    checked_size,
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


@pytest.mark.parametrize("limit", [None, 0.001, 1, 2.5, 86_400 * 365.25 * 50])
def test_a_time_limit_above_nothing_is_kept(limit: float | None) -> None:
    assert checked_limit(limit, "timeout") == limit


@pytest.mark.parametrize("limit", [0, -1, -0.001, float("nan"), float("inf"), 1e12, True, "5", timedelta(1)])
def test_any_other_time_limit_is_refused(limit: Any) -> None:
    with pytest.raises(InvalidValue, match=r"timeout .* use seconds, more than 0") as told:
        checked_limit(limit, "timeout")
    assert repr(limit) in str(told.value)


MB = 2**20


@pytest.mark.parametrize(
    ("size", "read"),
    [
        (None, None),
        (MB, MB),
        (3 * 2**30, 3 * 2**30),
        ("1048576", MB),
        ("1048576B", MB),
        ("1024K", MB),
        ("1024kb", MB),
        ("1M", MB),
        ("1m", MB),
        ("1MB", MB),
        ("1mb", MB),
        ("1MiB", MB),
        ("512MB", 512 * MB),
        (" 512 MB ", 512 * MB),
        ("1.5 GiB", 1536 * MB),
        ("2GB", 2**31),
        ("0.5T", 2**39),
    ],
)
def test_a_size_is_read_in_powers_of_1024(size: int | str | None, read: int | None) -> None:
    assert checked_size(size, "memory_limit") == read


@pytest.mark.parametrize(
    "size",
    [
        *(0, -MB, MB - 1, True, 1.5e9, b"1MB", [MB]),
        *("", " ", "MB", "0MB", "-1MB", "+1MB", "1023K", "512", "1048575", "0.9MB"),
        *("1e9", "1,5GB", "1.MB", "1_000MB", "1 M B", "1XB", "1PB", "1MBB", "1MB 1KB", "nan", "inf", "99999999T"),
    ],
)
def test_what_is_no_size_or_too_small_a_size_is_refused(size: Any) -> None:
    with pytest.raises(InvalidValue, match=r"memory_limit .* use a size of 1 MB or more") as told:
        checked_size(size, "memory_limit")
    assert repr(size) in str(told.value)


@pytest.mark.parametrize(
    ("age", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        (" 2h ", 7200),
        ("1.5 d", 129_600),
        ("1w", 604_800),
        (90, 90),
        (0.5, 0.5),
        (timedelta(minutes=3), 180),
    ],
)
def test_an_age_is_read_in_seconds(age: Any, seconds: float) -> None:
    assert checked_age(age, "since") == seconds


@pytest.mark.parametrize(
    "age",
    [
        *("", "5", "5x", "h", "-5m", "+5m", "5m 3s", "1e3s", "0s", "nan", "99999999d"),
        0,
        -1,
        True,
        None,
        b"5m",
        math.nan,
    ],
)
def test_what_is_no_age_is_refused(age: Any) -> None:
    with pytest.raises(InvalidValue, match=r"since .* use a time such as 30s, 5m, 2h, 2d or 1w") as told:
        checked_age(age, "since")
    assert repr(age) in str(told.value)


@given(amount=st.integers(1, 10**6), unit=st.sampled_from(["", "K", "M", "G"]), b=st.sampled_from(["", "B", "iB"]))
def test_a_size_that_is_read_is_the_amount_times_its_unit(amount: int, unit: str, b: str) -> None:
    size = amount * {"": 1, "K": 2**10, "M": MB, "G": 2**30}[unit]
    try:
        read = checked_size(f"{amount}{unit}{b}", "size")
    except InvalidValue:
        assert size < MB
    else:
        assert read == size
