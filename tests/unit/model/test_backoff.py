"""When a failed attempt is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.model.backoff import crash_delay, retry_delay, throttle_delay
from forge_jobs.model.queue import QueueSettings

OFF = QueueSettings(name="q", backoff_enabled=False, backoff_base=60, backoff_max=1800)
ON = QueueSettings(name="q", backoff_enabled=True, backoff_base=60, backoff_max=1800)

seconds = st.floats(0, 1e6)
attempts = st.integers(-10, 2000)
spreads = st.floats(-1, 1)


@pytest.mark.parametrize("attempt", [0, 1, 5, 20, 1000])
def test_with_backoff_off_there_is_no_wait(attempt: int) -> None:
    assert retry_delay(OFF, attempt, 1.0) == 0


def test_with_backoff_off_there_is_no_wait_whatever_base_and_max_are() -> None:
    assert retry_delay(QueueSettings(name="q", backoff_enabled=False, backoff_base=0, backoff_max=0), 1, 0) == 0


@pytest.mark.parametrize(
    ("attempt", "wait"),
    [(1, 60), (2, 120), (3, 240), (4, 480), (5, 960), (6, 1800), (7, 1800), (30, 1800), (100, 1800)],
)
def test_the_wait_doubles_from_the_base_to_the_maximum(attempt: int, wait: float) -> None:
    assert retry_delay(ON, attempt, 0) == wait


@pytest.mark.parametrize(("attempt", "wait"), [(1, 10), (2, 20), (4, 80), (10, 300), (11, 300)])
def test_the_wait_is_the_queues_own(attempt: int, wait: float) -> None:
    assert retry_delay(QueueSettings(name="q", backoff_base=10, backoff_max=300), attempt, 0) == wait


def test_a_new_queue_waits_10_seconds_at_first_and_half_an_hour_at_most() -> None:
    new = QueueSettings(name="q")

    assert [retry_delay(new, attempt, 0) for attempt in (1, 2, 8, 9, 50)] == [10, 20, 1280, 1800, 1800]


@pytest.mark.parametrize("attempt", [-5, 0, 1])
def test_the_first_wait_is_the_base(attempt: int) -> None:
    assert retry_delay(ON, attempt, 0) == 60


def test_a_base_or_maximum_below_a_second_counts_as_one() -> None:
    assert retry_delay(QueueSettings(name="q", backoff_base=0, backoff_max=0), 1, 0) == 1


@pytest.mark.parametrize(("spread", "wait"), [(-1, 54), (0, 60), (1, 66), (-9, 54), (9, 66)])
def test_the_wait_is_spread_by_a_tenth(spread: float, wait: float) -> None:
    assert retry_delay(ON, 1, spread) == pytest.approx(wait)


def test_the_maximum_is_spread_too() -> None:
    assert retry_delay(ON, 50, -1) == pytest.approx(1620)


@given(base=seconds, maximum=seconds, attempt=attempts, spread=spreads)
def test_a_wait_is_never_negative_nor_above_the_spread_maximum(
    base: float, maximum: float, attempt: int, spread: float
) -> None:
    settings = QueueSettings(name="q", backoff_base=base, backoff_max=maximum)

    assert 0 < retry_delay(settings, attempt, spread) <= max(maximum, 1) * 1.1 * (1 + 1e-9)


@given(base=seconds, maximum=seconds, attempt=attempts)
def test_a_later_attempt_never_waits_less(base: float, maximum: float, attempt: int) -> None:
    settings = QueueSettings(name="q", backoff_base=base, backoff_max=maximum)

    assert retry_delay(settings, attempt, 0) <= retry_delay(settings, attempt + 1, 0)


@pytest.mark.parametrize(("crashes", "wait"), [(0, 0), (1, 0), (2, 60), (3, 120), (4, 240)])
def test_the_first_crash_in_a_row_is_tried_again_at_once_then_the_curve_begins(crashes: int, wait: float) -> None:
    assert crash_delay(ON, crashes, 0) == wait


@given(crashes=st.integers(0, 50), spread=spreads)
def test_with_backoff_off_crashes_are_tried_again_at_once(crashes: int, spread: float) -> None:
    assert crash_delay(OFF, crashes, spread) == 0


@pytest.mark.parametrize("count", [0, 20])
@pytest.mark.parametrize(("hint", "wait"), [(None, 60), (2.5, 2.5), (600, 600)])
def test_with_backoff_off_a_throttled_job_waits_as_told_or_a_minute(
    count: int, hint: float | None, wait: float
) -> None:
    assert throttle_delay(QueueSettings(name="q", backoff_enabled=False), count, hint, 0.0) == wait


@pytest.mark.parametrize(("count", "wait"), [(0, 60), (1, 120), (2, 240), (5, 1800), (30, 1800), (100, 1800)])
def test_with_backoff_on_its_wait_doubles_from_the_base(count: int, wait: float) -> None:
    settings = QueueSettings(name="q", backoff_base=60, backoff_max=1800)

    assert throttle_delay(settings, count, None, 0.0) == wait
    assert throttle_delay(settings, count, wait + 5, 0.0) == wait + 5
    assert throttle_delay(settings, count, 5, 0.0) == wait


def test_where_the_queue_cools_down_its_own_count_decides() -> None:
    settings = QueueSettings(name="q", backoff_base=60, backoff_max=1800, cool_down=True, throttles=2)

    assert throttle_delay(settings, 0, None, 0.0) == 240
