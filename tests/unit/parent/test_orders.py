"""Stopping one claim: a table of moments, and what holds whatever its slot shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from forge_jobs.model.stops import StopReason
from forge_jobs_supervisor.parent.orders import CLOSING, HURRY_AFTER, LOST_AFTER, REPEAT, Order, Seen, Step

WORKER, CLAIM = 99, 5
GRACE = 5.0
CLOSED = CLOSING + 1e-9
"""As long as a worker must have been closed, rounding left aside."""


def an_order(asked_at: float = 0.0, most: float = float("inf")) -> Order:
    return Order(WORKER, CLAIM, StopReason.CANCEL, asked_at, most)


def runs(claim_no: int = CLAIM, grace: float = GRACE, shield_until: float = 0.0, process_id: int = WORKER) -> Seen:
    return Seen(process_id, claim_no, running=True, grace=grace, shield_until=shield_until)


def ended(claim_no: int = CLAIM) -> Seen:
    return Seen(WORKER, claim_no, running=False, grace=GRACE, shield_until=0.0)


# (time, what the slot shows, the step)
HISTORIES: dict[str, list[tuple[float, Seen, Step]]] = {
    "the handler stops": [
        (0.0, runs(), Step.STRIKE),
        (0.01, ended(), Step.OVER),
    ],
    "the handler stops and the next job has started": [
        (0.0, runs(), Step.STRIKE),
        (0.01, runs(CLAIM + 1), Step.OVER),
    ],
    "the signal is repeated, but not at every look": [
        (0.0, runs(), Step.STRIKE),
        (REPEAT / 2, runs(), Step.WAIT),
        (REPEAT, runs(), Step.STRIKE),
        (REPEAT * 2.5, runs(), Step.WAIT),
        (REPEAT * 3, runs(), Step.STRIKE),
        (REPEAT * 6, runs(), Step.WAIT),
        (REPEAT * 7, runs(), Step.STRIKE),
    ],
    "the handler does not stop": [
        (0.0, runs(), Step.STRIKE),
        (GRACE - 0.01, runs(), Step.STRIKE),
        (GRACE, runs(), Step.CLOSE),
        (GRACE + CLOSING / 2, runs(), Step.WAIT),
        (GRACE + CLOSED, runs(), Step.KILL),
        (GRACE + CLOSED + 0.05, runs(), Step.KILL),
        (GRACE + CLOSED + 0.1, Seen(0, 0, running=False, grace=0, shield_until=0), Step.OVER),
    ],
    "the handler stops at the last moment": [
        (0.0, runs(), Step.STRIKE),
        (GRACE, runs(), Step.CLOSE),
        (GRACE + CLOSED, ended(), Step.OVER),
    ],
    "a handler without any grace": [
        (0.0, runs(grace=0.0), Step.STRIKE),
        (0.0, runs(grace=0.0), Step.CLOSE),
        (CLOSED, runs(grace=0.0), Step.KILL),
    ],
    "a shield asks for more than the grace": [
        (0.0, runs(), Step.STRIKE),
        (GRACE, runs(shield_until=30.0), Step.STRIKE),
        (29.9, runs(shield_until=30.0), Step.STRIKE),
        (30.0, runs(shield_until=30.0), Step.CLOSE),
        (30.0 + CLOSED, runs(shield_until=30.0), Step.KILL),
    ],
    "a shield that is taken back": [
        (0.0, runs(shield_until=30.0), Step.STRIKE),
        (GRACE, runs(shield_until=30.0), Step.STRIKE),
        (GRACE + 1, runs(), Step.CLOSE),
    ],
    "a shield that asks for less than the grace shortens nothing": [
        (0.0, runs(shield_until=1.0), Step.STRIKE),
        (GRACE - 0.01, runs(shield_until=1.0), Step.STRIKE),
        (GRACE, runs(shield_until=1.0), Step.CLOSE),
    ],
    "the claim is held": [
        (0.0, runs(CLAIM - 1), Step.DROP),
        (0.05, runs(CLAIM - 1), Step.WAIT),
        (0.1, runs(CLAIM + 1), Step.OVER),
    ],
    "the claim is held and starts all the same": [
        (0.0, ended(CLAIM - 1), Step.DROP),
        (0.05, runs(), Step.STRIKE),
        (0.05 + GRACE - 0.01, runs(), Step.STRIKE),
        (0.05 + GRACE, runs(), Step.CLOSE),
    ],
    "the claim never shows up": [
        (0.0, ended(0), Step.DROP),
        (LOST_AFTER, ended(0), Step.WAIT),
        (LOST_AFTER + 0.1, ended(0), Step.OVER),
    ],
    "the claim has ended already": [(0.0, ended(), Step.OVER)],
    "another process has the slot": [(0.0, runs(process_id=WORKER + 1), Step.OVER)],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_step_of_each_moment(name: str) -> None:
    order = an_order()

    for now, seen, step in HISTORIES[name]:
        assert order.decide(now, seen) is step, (name, now)


def test_the_longest_grace_that_is_given_is_shorter_than_the_handlers_own() -> None:
    order = an_order(most=1.0)
    assert order.decide(0.0, runs()) is Step.STRIKE

    assert order.decide(0.99, runs()) is Step.STRIKE
    assert order.decide(1.0, runs()) is Step.CLOSE


def test_the_longest_grace_does_not_lengthen_the_handlers_own() -> None:
    order = an_order(most=60.0)
    order.decide(0.0, runs())

    assert order.decide(GRACE, runs()) is Step.CLOSE


@pytest.mark.parametrize("shield_until", [0.0, 100.0])
def test_who_hurries_cuts_the_grace_short_and_the_shield_too(shield_until: float) -> None:
    order = an_order()
    order.decide(0.0, runs(shield_until=shield_until))

    order.hurry(2.0)

    assert order.decide(2.0, runs(shield_until=shield_until)) is Step.CLOSE
    assert order.decide(2.0 + CLOSED, runs(shield_until=shield_until)) is Step.KILL


def test_who_hurries_leaves_the_handler_a_moment_to_hear_of_it() -> None:
    order = an_order()
    order.decide(0.0, runs())

    order.hurry(0.01)

    assert order.decide(HURRY_AFTER - 0.01, runs()) is not Step.CLOSE
    assert order.decide(HURRY_AFTER, runs()) is Step.CLOSE


def test_hurrying_before_the_handler_was_told_cuts_nothing() -> None:
    order = an_order()
    order.hurry(0.0)

    assert order.decide(0.0, runs()) is Step.STRIKE
    assert order.decide(GRACE - 0.01, runs()) is Step.STRIKE


def test_hurrying_again_does_not_put_the_kill_off() -> None:
    order = an_order()
    order.decide(0.0, runs())
    order.hurry(1.0)
    order.hurry(4.0)

    assert order.decide(1.0, runs()) is Step.CLOSE


# -- whatever the slot shows -----------------------------------------------------------------------------------------


class Look(NamedTuple):
    after: float
    seen: Seen
    hurries: bool


class Taken(NamedTuple):
    now: float
    seen: Seen
    step: Step


slots = st.builds(
    Seen,
    process_id=st.sampled_from([WORKER, WORKER, WORKER, WORKER + 1]),
    started_no=st.integers(CLAIM - 1, CLAIM + 1) | st.just(CLAIM),
    running=st.sampled_from([True, True, True, False]),
    grace=st.sampled_from([0.0, 0.2, 5.0]),
    shield_until=st.sampled_from([0.0, 0.0, 3.0, 8.0]),
)
looks = st.builds(
    Look,
    after=st.sampled_from([0.0, 0.01, REPEAT, CLOSING, 0.3, 1.0, 5.0]),
    seen=st.just(runs()) | st.just(runs(shield_until=8.0)) | slots,
    hurries=st.sampled_from([False] * 5 + [True]),
)
histories = st.lists(looks, max_size=25)
patience = st.sampled_from([float("inf"), 0.0, 1.0])


def taken(order: Order, history: Sequence[Look], start: float = 0.0) -> list[Taken]:
    """Return the steps of a history; nobody asks again when the order is over."""
    now, steps = start, []
    for look in history:
        now += look.after
        if look.hurries:
            order.hurry(now)
        steps.append(Taken(now, look.seen, order.decide(now, look.seen)))
        if steps[-1].step is Step.OVER:
            break
    return steps


@given(history=histories, most=patience)
def test_only_the_claim_that_is_named_is_struck_closed_or_killed(history: list[Look], most: float) -> None:
    for now, seen, step in taken(an_order(most=most), history):
        if step in (Step.STRIKE, Step.CLOSE, Step.KILL):
            assert (seen.process_id, seen.started_no, seen.running) == (WORKER, CLAIM, True), now
        if step is Step.DROP:
            assert seen.process_id == WORKER
            assert seen.started_no < CLAIM


@given(history=histories, most=patience)
def test_a_worker_is_killed_only_when_it_was_closed_well_before(history: list[Look], most: float) -> None:
    steps = taken(an_order(most=most), history)

    for index, kill in enumerate(steps):
        if kill.step is Step.KILL:
            closed = [before.now for before in steps[:index] if before.step is Step.CLOSE]
            assert len(closed) == 1
            assert kill.now - closed[0] >= CLOSING


@given(history=histories, most=patience)
def test_unless_somebody_hurries_the_grace_and_the_shield_are_over_at_the_kill(
    history: list[Look], most: float
) -> None:
    calm = [look._replace(hurries=False) for look in history]
    steps = taken(an_order(most=most), calm)

    struck = next((t.now for t in steps if t.step is Step.STRIKE), None)
    for now, seen, step in steps:
        if step is Step.CLOSE:
            assert struck is not None
            assert now >= struck + min(seen.grace, most)
            assert now >= seen.shield_until


@given(history=histories, most=patience)
def test_whoever_hurries_is_obeyed_only_after_the_handler_was_told(history: list[Look], most: float) -> None:
    steps = taken(an_order(most=most), history)

    struck = [t.now for t in steps if t.step is Step.STRIKE]
    for now, seen, step in steps:
        if step is Step.CLOSE:
            assert now >= struck[0] + min(seen.grace, most, HURRY_AFTER)


@given(history=histories)
def test_the_worker_is_told_to_drop_a_claim_once(history: list[Look]) -> None:
    assert [t.step for t in taken(an_order(), history)].count(Step.DROP) <= 1


@given(history=histories, seen=slots, most=patience)
def test_every_order_ends(history: list[Look], seen: Seen, most: float) -> None:
    """However it began: if the slot shows the same from then on, it is over or the worker is killed."""
    order = an_order(most=most)
    begun = taken(order, history)
    assume(not begun or begun[-1].step is not Step.OVER)
    start = begun[-1].now if begun else 0.0
    rest = [Look(REPEAT, seen, hurries=False)] * round((LOST_AFTER + GRACE + 10) / REPEAT)

    steps = taken(order, rest, start)

    assert steps[-1].step in (Step.OVER, Step.KILL)
    still_there = seen.process_id == WORKER and seen.started_no == CLAIM and seen.running
    assert (steps[-1].step is Step.KILL) == still_there
