"""Instants and moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from forge_jobs.clock import SystemClock, as_datetime, as_instant, boottime_us, monotonic, monotonic_us


def test_the_system_clock_tells_microseconds_since_the_epoch() -> None:
    before = datetime.now(UTC)
    now = as_datetime(SystemClock().now())
    after = datetime.now(UTC)

    assert now is not None
    assert before - timedelta(microseconds=1) <= now <= after


def test_no_instant_is_no_moment() -> None:
    assert as_datetime(None) is None


def test_moments_are_told_in_utc() -> None:
    assert as_datetime(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert as_datetime(1_750_000_000_123_456) == datetime(2025, 6, 15, 15, 6, 40, 123456, tzinfo=UTC)


def test_the_zone_of_a_moment_does_not_matter() -> None:
    here = datetime(2025, 6, 15, 17, 6, 40, 123456, tzinfo=timezone(timedelta(hours=2)))

    assert as_instant(here) == 1_750_000_000_123_456


def test_instants_far_away_are_exact() -> None:
    for moment in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)):
        assert as_datetime(as_instant(moment)) == moment


def test_the_clocks_for_durations_only_rise() -> None:
    assert monotonic() <= monotonic()
    assert monotonic_us() <= monotonic_us()
    assert boottime_us() <= boottime_us()
    assert monotonic_us() <= boottime_us() + 1_000_000
