"""The phases of an orderly stop, as a table of moments and the orders of each."""

from __future__ import annotations

import pytest

from forge_jobs_supervisor.parent.shutdown import COORDINATOR_GRACE, Orders, Shutdown

NOTHING = Orders()
KILL_WORKERS = Orders(kill_workers=True)
DISMISS = Orders(dismiss_coordinator=True)
KILL_COORDINATOR = Orders(kill_coordinator=True)
OVER = Orders(over=True)

HISTORIES: dict[str, list[tuple[float, int, bool, Orders]]] = {
    "the workers leave in time": [
        (0, 2, True, NOTHING),
        (5, 1, True, NOTHING),
        (6, 0, True, DISMISS),
        (7, 0, True, NOTHING),
        (8, 0, False, OVER),
    ],
    "a worker does not leave": [
        (0, 2, True, NOTHING),
        (9.9, 1, True, NOTHING),
        (10, 1, True, KILL_WORKERS),
        (11, 1, True, NOTHING),
        (12, 0, True, DISMISS),
        (13, 0, False, OVER),
    ],
    "the coordinator does not leave": [
        (0, 0, True, DISMISS),
        (COORDINATOR_GRACE - 0.1, 0, True, NOTHING),
        (COORDINATOR_GRACE, 0, True, KILL_COORDINATOR),
        (COORDINATOR_GRACE + 1, 0, False, OVER),
    ],
    "the coordinator died before the workers": [
        (0, 1, False, NOTHING),
        (10, 1, False, KILL_WORKERS),
        (11, 0, False, OVER),
    ],
    "nobody was there": [(0, 0, False, OVER)],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_orders_of_each_moment(name: str) -> None:
    shutdown = Shutdown(now=0.0, grace=10.0)

    for now, workers, coordinator, orders in HISTORIES[name]:
        assert shutdown.decide(now, workers=workers, coordinator=coordinator) == orders, (name, now)


def test_hurrying_kills_the_workers_at_once() -> None:
    shutdown = Shutdown(now=100.0, grace=3600.0)
    assert shutdown.decide(101.0, workers=1, coordinator=True) == NOTHING
    shutdown.hurry()

    assert shutdown.decide(101.0, workers=1, coordinator=True) == KILL_WORKERS
    assert shutdown.decide(101.0, workers=1, coordinator=True) == NOTHING


def test_no_grace_kills_the_workers_at_once() -> None:
    assert Shutdown(now=5.0, grace=0.0).decide(5.0, workers=1, coordinator=True) == KILL_WORKERS


def test_the_wait_is_until_time_alone_changes_the_orders() -> None:
    shutdown = Shutdown(now=0.0, grace=10.0)
    assert shutdown.wait(4.0) == 6
    assert shutdown.wait(11.0) == 0

    shutdown.decide(10.0, workers=1, coordinator=True)
    assert shutdown.wait(10.0) is None  # the workers are killed: now only their deaths count

    shutdown.decide(12.0, workers=0, coordinator=True)
    assert shutdown.wait(13.0) == COORDINATOR_GRACE - 1
