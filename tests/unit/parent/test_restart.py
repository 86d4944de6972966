"""When a child that is missing is started, and when starting is given up."""

from __future__ import annotations

import pytest

from forge_jobs_supervisor.parent.restart import FIRST_PAUSE, LONGEST_PAUSE, TRIES, Restarts


def having_failed(times: int, now: float = 0.0) -> Restarts:
    restarts = Restarts()
    for _ in range(times):
        restarts.boot_failed(now)
    return restarts


def test_the_first_start_does_not_wait() -> None:
    assert Restarts().wait(0.0) == 0


@pytest.mark.parametrize(
    ("failures", "pause"), [(1, 0.1), (2, 0.2), (3, 0.4), (8, 12.8), (9, 25.6), (10, 30), (500, 30)]
)
def test_each_boot_failure_in_a_row_doubles_the_pause(failures: int, pause: float) -> None:
    assert having_failed(failures, now=100.0).wait(100.0) == pytest.approx(pause)


def test_the_pause_runs_out() -> None:
    restarts = having_failed(1, now=100.0)

    assert restarts.wait(100.0 + FIRST_PAUSE / 2) == pytest.approx(FIRST_PAUSE / 2)
    assert restarts.wait(100.0 + LONGEST_PAUSE) == 0


def test_anybodys_success_forgets_the_failures() -> None:
    restarts = having_failed(20)
    restarts.booted()
    assert restarts.wait(0.0) == 0

    restarts.boot_failed(50.0)
    assert restarts.wait(50.0) == pytest.approx(FIRST_PAUSE)


@pytest.mark.parametrize(("failures", "hopeless"), [(0, False), (TRIES - 1, False), (TRIES, True), (TRIES + 1, True)])
def test_a_farm_that_never_came_up_is_given_up_after_some_tries(failures: int, hopeless: bool) -> None:
    assert having_failed(failures).hopeless is hopeless


def test_a_farm_that_was_up_once_is_never_given_up() -> None:
    restarts = Restarts()
    restarts.booted()
    for _ in range(100):
        restarts.boot_failed(0.0)

    assert restarts.ever_up
    assert not restarts.hopeless
