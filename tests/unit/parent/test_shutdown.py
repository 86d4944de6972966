"""The phases of an orderly stop: a table of moments and the orders of each, and what holds in every history."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs_supervisor.parent.shutdown import (
    CLEAN_UP,
    CLEAN_UP_IN_A_HURRY,
    COORDINATOR_GRACE,
    Orders,
    Shutdown,
)

NOTHING = Orders()
INTERRUPT = Orders(interrupt=CLEAN_UP)
INTERRUPT_IN_A_HURRY = Orders(interrupt=CLEAN_UP_IN_A_HURRY)
KILL_WORKERS = Orders(kill_workers=True)
KILL_EVERYBODY = Orders(kill_workers=True, kill_shielded=True)
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
    "a worker leaves when it is interrupted": [
        (0, 2, True, False, NOTHING),
        (9.9, 1, True, False, NOTHING),
        (10, 1, True, False, INTERRUPT),
        (10.1, 1, True, False, NOTHING),
        (12, 0, True, False, DISMISS),
        (13, 0, False, True, OVER),
    ],
    "a worker does not leave": [
        (10, 1, True, False, INTERRUPT),
        (10 + CLEAN_UP - 0.1, 1, True, False, NOTHING),
        (10 + CLEAN_UP, 1, True, False, KILL_WORKERS),
        (10 + CLEAN_UP + 60, 1, True, False, KILL_WORKERS),
        (10 + CLEAN_UP + 61, 0, True, False, DISMISS),
    ],
    "this process stood still in the grace, and the job still has its time to clean up": [
        (0, 1, True, False, NOTHING),
        (500, 1, True, False, INTERRUPT),
        (500 + CLEAN_UP - 0.1, 1, True, False, NOTHING),
        (500 + CLEAN_UP, 1, True, False, KILL_WORKERS),
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
        (10, 1, False, False, INTERRUPT),
        (10 + CLEAN_UP, 1, False, False, KILL_WORKERS),
        (16, 0, False, False, NOTHING),
        (16 + COORDINATOR_GRACE, 0, False, False, OVER),
    ],
    "nobody ever came up": [(0, 0, False, True, OVER)],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_orders_of_each_moment(name: str) -> None:
    shutdown = Shutdown(now=0.0, grace=10.0)

    for now, workers, coordinator, settled, orders in HISTORIES[name]:
        decided = shutdown.decide(now, workers=workers, coordinator=coordinator, settled=settled)
        assert decided == orders, (name, now)


def orders_at(shutdown: Shutdown, now: float) -> Orders:
    """Return the orders while one worker is left."""
    return shutdown.decide(now, workers=1, coordinator=True, settled=False)


def test_who_hurries_once_has_the_jobs_interrupted_at_once_and_killed_soon() -> None:
    shutdown = Shutdown(now=100.0, grace=3600.0)
    assert orders_at(shutdown, 101.0) == NOTHING

    shutdown.hurry(102.0)

    assert orders_at(shutdown, 102.0) == INTERRUPT_IN_A_HURRY
    assert orders_at(shutdown, 102.0 + CLEAN_UP_IN_A_HURRY - 0.1) == NOTHING
    assert orders_at(shutdown, 102.0 + CLEAN_UP_IN_A_HURRY) == KILL_WORKERS


def test_who_hurries_twice_has_everybody_killed_at_once() -> None:
    shutdown = Shutdown(now=100.0, grace=3600.0)
    shutdown.hurry(101.0)
    orders_at(shutdown, 101.0)

    shutdown.hurry(101.5)

    assert orders_at(shutdown, 101.5) == KILL_EVERYBODY


def test_who_hurries_after_the_interrupt_has_everybody_killed_at_once() -> None:
    shutdown = Shutdown(now=0.0, grace=10.0)
    assert orders_at(shutdown, 10.0) == INTERRUPT

    shutdown.hurry(11.0)

    assert orders_at(shutdown, 11.0) == KILL_EVERYBODY


def test_who_hurries_when_the_killing_has_begun_spares_nobody_any_more() -> None:
    shutdown = Shutdown(now=0.0, grace=0.0)
    orders_at(shutdown, 0.0)
    assert orders_at(shutdown, CLEAN_UP) == KILL_WORKERS

    shutdown.hurry(CLEAN_UP + 20)

    assert orders_at(shutdown, CLEAN_UP + 20) == KILL_EVERYBODY


def test_no_grace_interrupts_the_workers_at_once() -> None:
    assert orders_at(Shutdown(now=5.0, grace=0.0), 5.0) == INTERRUPT


def test_the_wait_is_until_time_alone_changes_the_orders() -> None:
    shutdown = Shutdown(now=0.0, grace=10.0)
    assert shutdown.wait(4.0) == 6
    assert shutdown.wait(11.0) == 0

    orders_at(shutdown, 11.0)
    assert shutdown.wait(12.0) == 11 + CLEAN_UP - 12
    assert shutdown.wait(11.0 + CLEAN_UP) is None  # the workers are killed: now only their deaths count

    shutdown.decide(20.0, workers=0, coordinator=True, settled=False)
    assert shutdown.wait(21.0) == COORDINATOR_GRACE - 1


class Moment(NamedTuple):
    """What happens after some seconds: how many workers are left, the coordinator, and whether somebody hurries."""

    after: float
    leave: int
    coordinator: bool
    settled: bool
    hurries: bool


moments = st.builds(
    Moment,
    after=st.floats(0, 8),
    leave=st.integers(0, 1),
    coordinator=st.booleans(),
    settled=st.booleans(),
    hurries=st.sampled_from([False, False, False, True]),
)


class Told(NamedTuple):
    now: float
    workers: int
    coordinator: bool
    settled: bool
    hurried: bool
    orders: Orders


def history(grace: float, workers: int, course: list[Moment]) -> list[Told]:
    """Return the orders of every moment until it is over."""
    now, shutdown = 50.0, Shutdown(50.0, grace)
    told = []
    for moment in course:
        now += moment.after
        workers = max(workers - moment.leave, 0)
        if moment.hurries:
            shutdown.hurry(now)
        orders = shutdown.decide(now, workers=workers, coordinator=moment.coordinator, settled=moment.settled)
        told.append(Told(now, workers, moment.coordinator, moment.settled, moment.hurries, orders))
        if orders.over:
            break
    return told


courses = st.lists(moments, min_size=1, max_size=30)
graces = st.sampled_from([0.0, 1.0, 10.0, 1000.0])


@given(grace=graces, workers=st.integers(0, 3), course=courses)
def test_in_every_history_workers_are_interrupted_once_and_killed_only_after(
    grace: float, workers: int, course: list[Moment]
) -> None:
    told = history(grace, workers, course)

    interrupts = [index for index, t in enumerate(told) if t.orders.interrupt is not None]
    assert len(interrupts) <= 1
    for index in interrupts:
        assert told[index].workers
        assert told[index].now >= 50.0 + grace or any(t.hurried for t in told[: index + 1])
    for index, t in enumerate(told):
        if t.orders.kill_workers:
            (at,) = (i for i in interrupts if i < index)
            assert told[at].orders.interrupt is not None
            asked_again = any(later.hurried for later in told[at + 1 : index + 1])
            assert t.orders.kill_shielded == asked_again
            assert asked_again or t.now >= told[at].now + told[at].orders.interrupt


@given(grace=graces, workers=st.integers(0, 3), course=courses)
def test_in_every_history_it_is_over_only_when_nobody_is_left_and_all_is_settled_or_it_is_late(
    grace: float, workers: int, course: list[Moment]
) -> None:
    told = history(grace, workers, course)

    alone_since = next((t.now for t in told if not t.workers), None)
    for t in told:
        late = alone_since is not None and t.now >= alone_since + COORDINATOR_GRACE
        assert t.orders.over == (not t.workers and not t.coordinator and (t.settled or late))
        assert t.orders.dismiss_coordinator == (not t.workers and t.coordinator)
        assert t.orders.kill_coordinator == (t.orders.dismiss_coordinator and late)


@given(grace=graces, hurries=st.sets(st.integers(0, 40)))
def test_in_every_history_the_wait_leads_to_the_next_change(grace: float, hurries: set[int]) -> None:
    """Whoever sleeps for as long as it says, and obeys, has killed the workers after a few rounds."""
    now, shutdown, rounds = 0.0, Shutdown(0.0, grace), 0
    while not orders_at(shutdown, now).kill_workers:
        wait = shutdown.wait(now)
        assert wait is not None, "it would sleep for ever"
        now += wait
        if rounds in hurries:
            shutdown.hurry(now)
        rounds += 1
        assert rounds < 5
