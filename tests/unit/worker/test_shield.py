"""Looking whether to stop, and putting it off: what a JobContext offers a handler, with real signals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forge_jobs.model.stops import JobCancelled, JobInterrupted, JobTimeout, StopReason
from forge_jobs_supervisor.unix.board import Word
from forge_jobs_supervisor.worker.stopping import Stopper
from tests.support.stopping import CLAIM, Place, strike, taking_the_signal

NOW = 1_000_000_000


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr("forge_jobs_supervisor.worker.seat.monotonic_us", lambda: NOW)
    made = Place()
    with taking_the_signal(made):
        yield made


@pytest.fixture
def stopper(place: Place) -> Stopper:
    return place.stopper


@pytest.fixture
def went_by() -> list[str]:
    """What a handler did."""
    return []


# -- looking ---------------------------------------------------------------------------------------------------------


def test_a_job_that_nobody_stops_may_look_as_often_as_it_likes(stopper: Stopper) -> None:
    stopper.check()

    assert stopper.requested() is None


@pytest.mark.parametrize("reason", StopReason)
def test_whoever_looks_learns_why(place: Place, stopper: Stopper, reason: StopReason) -> None:
    place.ask(reason)

    assert stopper.requested() is reason


def test_whoever_checks_is_stopped_without_a_signal(place: Place, stopper: Stopper) -> None:
    place.ask(StopReason.INTERRUPT)

    assert isinstance(place.stopped(stopper.check), JobInterrupted)


def test_it_is_always_the_same_exception(place: Place, stopper: Stopper) -> None:
    place.ask()
    raised = []
    for look in (stopper.check, strike, stopper.check):
        try:
            place.run(look)
        except JobCancelled as stop:
            raised.append(stop)

    assert raised == [stopper.struck()] * 3


def test_the_first_reason_stands(place: Place, stopper: Stopper) -> None:
    place.ask(StopReason.TIMEOUT)
    with pytest.raises(JobTimeout):
        stopper.check()
    place.ask(StopReason.CANCEL)

    with pytest.raises(JobTimeout):
        stopper.check()


# -- putting it off --------------------------------------------------------------------------------------------------


def test_what_is_shielded_is_not_hit_but_stopped_at_its_end(place: Place, stopper: Stopper, went_by: list[str]) -> None:
    def handler() -> None:
        with stopper.shield(0):
            place.stop()
            went_by.append("not disturbed")
            assert stopper.requested() is StopReason.CANCEL
        went_by.append("never")

    assert isinstance(place.stopped(handler), JobCancelled)
    assert went_by == ["not disturbed"]


def test_a_shield_that_nobody_needed_ends_quietly_and_protects_nothing_after(place: Place, stopper: Stopper) -> None:
    def handler() -> None:
        with stopper.shield(0):
            pass
        assert stopper.struck() is None
        place.stop()

    assert isinstance(place.stopped(handler), JobCancelled)


def test_a_signal_for_another_claim_is_not_remembered_at_the_end(place: Place, stopper: Stopper) -> None:
    def handler() -> str:
        with stopper.shield(0):
            place.stop(claim_no=CLAIM + 1)
        return "undisturbed"

    assert place.run(handler) == "undisturbed"


def test_of_shields_in_shields_the_outermost_counts(place: Place, stopper: Stopper, went_by: list[str]) -> None:
    def handler() -> None:
        with stopper.shield(0):
            with stopper.shield(0), stopper.shield(0):
                place.stop()
            strike()
            went_by.append("still shielded")
            with stopper.shield(0):
                went_by.append("again")
        went_by.append("never")

    place.stopped(handler)

    assert went_by == ["still shielded", "again"]


def test_whoever_is_to_stop_already_does_not_get_into_a_shield(
    place: Place, stopper: Stopper, went_by: list[str]
) -> None:
    def handler() -> None:
        place.ask()
        with stopper.shield(0):
            went_by.append("never")

    place.stopped(handler)

    assert went_by == []


def test_an_error_in_a_shield_is_not_covered_by_the_stop(place: Place, stopper: Stopper, went_by: list[str]) -> None:
    def handler() -> None:
        try:
            with stopper.shield(0):
                place.stop()
                int("its own error")
        except ValueError:
            went_by.append("its own error")
        strike()
        went_by.append("never")

    place.stopped(handler)

    assert went_by == ["its own error"]


def test_a_shield_that_was_never_left_does_not_protect_the_next_job(place: Place, stopper: Stopper) -> None:
    place.run(stopper.shield(0).__enter__)

    place.start(CLAIM + 1)

    assert isinstance(place.stopped(lambda: place.stop(claim_no=CLAIM + 1)), JobCancelled)


# -- asking not to be killed -----------------------------------------------------------------------------------------


def asked_for(place: Place) -> float | None:
    """Return for how many seconds the board asks not to kill the worker."""
    until = place.slot.get(Word.SHIELD_UNTIL)
    return (until - NOW) / 1e6 if until else None


def test_a_shield_without_a_time_asks_for_none(place: Place, stopper: Stopper) -> None:
    with stopper.shield(0):
        assert asked_for(place) is None


def test_a_shield_asks_for_its_time_until_its_end(place: Place, stopper: Stopper) -> None:
    with stopper.shield(30):
        assert asked_for(place) == 30

    assert asked_for(place) is None


def test_of_shields_in_shields_the_longest_counts_to_the_end_of_the_outermost(place: Place, stopper: Stopper) -> None:
    with stopper.shield(30):
        with stopper.shield(10):
            assert asked_for(place) == 30
        with stopper.shield(50):
            assert asked_for(place) == 50
        assert asked_for(place) == 50

    assert asked_for(place) is None


def test_the_next_job_asks_for_nothing(place: Place, stopper: Stopper) -> None:
    place.run(stopper.shield(30).__enter__)

    place.start(CLAIM + 1)

    assert asked_for(place) is None
