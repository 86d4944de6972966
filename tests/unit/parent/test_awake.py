"""A clock that leaves out this process's own pauses."""

from __future__ import annotations

import pytest

from forge_jobs_supervisor.parent.awake import PAUSE, SETTLING, AwakeClock


class Time:
    """The monotonic clock underneath."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr("forge_jobs_supervisor.parent.awake.monotonic", made)
    return made


@pytest.fixture
def clock(time: Time) -> AwakeClock:
    return AwakeClock()


def wait(clock: AwakeClock, time: Time, expected: float, took: float) -> float:
    """Wait for ``took`` seconds instead of at most ``expected``; return the pause that the clock found."""
    time.now += took
    return clock.waited(expected)


def test_without_a_pause_it_is_the_time(clock: AwakeClock, time: Time) -> None:
    for _ in range(100):
        assert wait(clock, time, 1.0, 1.0) == 0
        assert clock.now() == time.now
        assert not clock.just_paused


@pytest.mark.parametrize("took", [0.0, 0.5, 1.0, 1.0 + PAUSE - 0.01])
def test_a_wait_that_is_short_or_a_little_late_is_no_pause(clock: AwakeClock, time: Time, took: float) -> None:
    assert wait(clock, time, 1.0, took) == 0
    assert clock.now() == 1000.0 + took


@pytest.mark.parametrize("pause", [PAUSE, 60.0, 86_400.0])
def test_a_pause_is_left_out(clock: AwakeClock, time: Time, pause: float) -> None:
    assert wait(clock, time, 1.0, 1.0 + pause) == pause

    assert clock.now() == 1001.0
    time.now += 5
    assert clock.now() == 1006.0


def test_pauses_add_up(clock: AwakeClock, time: Time) -> None:
    for _ in range(3):
        wait(clock, time, 0.5, 0.5 + 10)
        wait(clock, time, 0.5, 0.5)

    assert clock.now() == 1003.0


def test_work_between_two_waits_counts_as_waiting_so_a_pause_in_it_is_found_too(clock: AwakeClock, time: Time) -> None:
    wait(clock, time, 1.0, 0.2)
    time.now += 30.0  # stopped while it worked

    assert wait(clock, time, 1.0, 0.0) == pytest.approx(29.0)


def test_a_time_written_down_elsewhere_is_told_as_one_of_this_clock(clock: AwakeClock, time: Time) -> None:
    wait(clock, time, 1.0, 1.0 + 50)
    written = time.now + 7

    assert clock.at(written) == clock.now() + 7


def test_right_after_a_pause_the_others_may_not_have_moved(clock: AwakeClock, time: Time) -> None:
    wait(clock, time, 1.0, 1.0 + 10)
    assert clock.just_paused

    time.now += SETTLING - 0.01
    assert clock.just_paused
    time.now += 0.01
    assert not clock.just_paused
