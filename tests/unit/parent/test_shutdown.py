"""The phases of an orderly stop, as a table of moments and the orders of each."""

from __future__ import annotations

import pytest

from forge_jobs_supervisor.parent.shutdown import COORDINATOR_GRACE, Orders, Shutdown

NOTHING = Orders()
KILL_WORKERS = Orders(kill_workers=True)
DISMISS = Orders(dismiss_coordinator=True)
KILL_COORDINATOR = Orders(dismiss_coordinator=True, kill_coordinator=True)
OVER = Orders(over=True)

# (time, workers left, is the coordinator there, has it said its last word, the orders)
HISTORIES: dict[str, list[tuple[float, int, bool, bool, Orders]]] = {
    "the workers leave in time": [
        (0, 2, True, False, NOTHING),
        (5, 1, True, False, NOTHING),
        (6, 0, True, False, DISMISS),
        (7, 0, True, True, DISMISS),
        (8, 0, False, True, OVER),
    ],
    "a worker does not leave": [
        (0, 2, True, False, NOTHING),
        (9.9, 1, True, False, NOTHING),
        (10, 1, True, False, KILL_WORKERS),
        (11, 1, True, False, NOTHING),
        (12, 0, True, False, DISMISS),
        (13, 0, False, True, OVER),
    ],
    "the coordinator does not leave": [
        (0, 0, True, False, DISMISS),
        (COORDINATOR_GRACE - 0.1, 0, True, False, DISMISS),
        (COORDINATOR_GRACE, 0, True, False, KILL_COORDINATOR),
        (COORDINATOR_GRACE + 1, 0, False, False, OVER),
    ],
    "the coordinator dies at its last word and is replaced": [
        (0, 0, True, False, DISMISS),
        (1, 0, False, False, NOTHING),
        (2, 0, True, False, DISMISS),
        (3, 0, False, True, OVER),
    ],
    "the coordinator died before the workers": [
        (0, 1, False, False, NOTHING),
        (10, 1, False, False, KILL_WORKERS),
        (11, 0, False, False, NOTHING),
        (11 + COORDINATOR_GRACE, 0, False, False, OVER),
    ],
    "nobody ever came up": [(0, 0, False, True, OVER)],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_orders_of_each_moment(name: str) -> None:
    shutdown = Shutdown(now=0.0, grace=10.0)

    for now, workers, coordinator, settled, orders in HISTORIES[name]:
        decided = shutdown.decide(now, workers=workers, coordinator=coordinator, settled=settled)
        assert decided == orders, (name, now)


def test_hurrying_kills_the_workers_at_once() -> None:
    shutdown = Shutdown(now=100.0, grace=3600.0)
    assert shutdown.decide(101.0, workers=1, coordinator=True, settled=False) == NOTHING
    shutdown.hurry()

    assert shutdown.decide(101.0, workers=1, coordinator=True, settled=False) == KILL_WORKERS
    assert shutdown.decide(101.0, workers=1, coordinator=True, settled=False) == NOTHING


def test_no_grace_kills_the_workers_at_once() -> None:
    assert Shutdown(now=5.0, grace=0.0).decide(5.0, workers=1, coordinator=True, settled=False) == KILL_WORKERS


def test_the_wait_is_until_time_alone_changes_the_orders() -> None:
    shutdown = Shutdown(now=0.0, grace=10.0)
    assert shutdown.wait(4.0) == 6
    assert shutdown.wait(11.0) == 0

    shutdown.decide(10.0, workers=1, coordinator=True, settled=False)
    assert shutdown.wait(10.0) is None  # the workers are killed: now only their deaths count

    shutdown.decide(12.0, workers=0, coordinator=True, settled=False)
    assert shutdown.wait(13.0) == COORDINATOR_GRACE - 1
