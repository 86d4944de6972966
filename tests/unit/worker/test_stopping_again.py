"""A handler that was stopped and did not end: it is left alone while it cleans up, and hit again where it lost that."""

from __future__ import annotations

import ctypes
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from forge_jobs.model.stops import JobCancelled, JobStopped, JobTimeout, StopReason
from tests.support.stopping import CLAIM, Place, strike, taking_the_signal


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    with taking_the_signal(made):
        yield made


@pytest.fixture
def went_by() -> list[str]:
    """What a handler did."""
    return []


# -- cleaning up -----------------------------------------------------------------------------------------------------


class CleansUp:
    """A context manager that cleans up while the parent signals again."""

    def __init__(self, went_by: list[str]) -> None:
        self._went_by = went_by

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_details: object) -> None:
        strike()
        self._went_by.append("cleaned up")


Cleaning = Callable[[Place, list[str]], None]


def in_except(place: Place, went_by: list[str]) -> None:
    try:
        place.stop()
    except JobStopped:
        strike()
        went_by.append("cleaned up")
        raise


def in_finally(place: Place, went_by: list[str]) -> None:
    try:
        place.stop()
    finally:
        strike()
        went_by.append("cleaned up")


def in_exit(place: Place, went_by: list[str]) -> None:
    with CleansUp(went_by):
        place.stop()


def in_a_call_of_finally(place: Place, went_by: list[str]) -> None:
    def clean_up() -> None:
        for _ in range(3):
            strike()
        went_by.append("cleaned up")

    try:
        place.stop()
    finally:
        clean_up()


def in_a_failure_of_its_own(place: Place, went_by: list[str]) -> None:
    try:
        place.stop()
    finally:
        try:
            int("the cleaning up fails")
        except ValueError:
            strike()
            went_by.append("cleaned up")


def in_a_failure_that_hides_its_cause(place: Place, went_by: list[str]) -> None:
    try:
        try:
            place.stop()
        except JobStopped:
            raise RuntimeError("hidden") from None
    except RuntimeError as error:
        strike()
        went_by.append("cleaned up")
        raise error.__context__ or error from None


def twice_over(place: Place, went_by: list[str]) -> None:
    try:
        in_finally(place, [])
    finally:
        strike()
        went_by.append("cleaned up")


CLEANING: list[Cleaning] = [
    in_except,
    in_finally,
    in_exit,
    in_a_call_of_finally,
    in_a_failure_of_its_own,
    in_a_failure_that_hides_its_cause,
    twice_over,
]


@pytest.mark.parametrize("cleaning", CLEANING, ids=lambda f: f.__name__)
def test_a_handler_that_cleans_up_is_not_hit_again(place: Place, went_by: list[str], cleaning: Cleaning) -> None:
    place.stopped(lambda: cleaning(place, went_by))

    assert went_by == ["cleaned up"]


def test_a_handler_that_handles_an_error_of_its_own_is_hit(place: Place) -> None:
    def handler() -> None:
        try:
            int("x")
        except ValueError:
            place.stop()

    assert isinstance(place.stopped(handler).__context__, ValueError)


# -- where the exception gets lost -----------------------------------------------------------------------------------


def by_a_bare_except(place: Place) -> None:
    try:  # noqa: SIM105 - as people write it
        place.stop()
    except:  # noqa: E722
        pass


def by_a_finally_that_returns(place: Place) -> None:
    def function() -> None:
        try:
            place.stop()
        finally:
            return  # noqa: B012

    function()


def by_an_exit_that_says_so(place: Place) -> None:
    class Swallows:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *_details: object) -> bool:
            return True

    with Swallows():
        place.stop()


def by_a_del(place: Place) -> None:
    class Dying:
        def __del__(self) -> None:
            place.stop()

    Dying()


def by_a_weak_reference(place: Place) -> None:
    class Dying:
        pass

    dying = Dying()
    kept = weakref.ref(dying, lambda _gone: place.stop())
    del dying
    assert kept() is None


def by_a_callback_of_c_code(place: Place) -> None:
    ctypes.CFUNCTYPE(None)(place.stop)()


def while_another_error_is_handled(place: Place) -> None:
    try:
        int("x")
    except ValueError:
        by_a_bare_except(place)
        strike()


LOST: list[Callable[[Place], None]] = [
    by_a_bare_except,
    by_a_finally_that_returns,
    by_an_exit_that_says_so,
    by_a_del,
    by_a_weak_reference,
    by_a_callback_of_c_code,
]


@pytest.mark.parametrize("lose", LOST, ids=lambda f: f.__name__)
def test_a_handler_that_lost_the_exception_is_hit_again_and_again(
    place: Place, went_by: list[str], monkeypatch: pytest.MonkeyPatch, lose: Callable[[Place], None]
) -> None:
    lost: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: lost.append(told.exc_type))

    def handler() -> None:
        for _ in range(3):
            lose(place)
            went_by.append("went on")
        strike()
        went_by.append("never")

    assert isinstance(place.stopped(handler), JobCancelled)
    assert went_by == ["went on"] * 3
    assert set(lost) <= {JobCancelled}


def test_a_handler_that_lost_it_while_it_handled_an_error_is_hit_again(place: Place) -> None:
    assert isinstance(place.stopped(lambda: while_another_error_is_handled(place)), JobCancelled)


def test_an_exception_in_a_callback_of_c_code_that_passes_it_on_stops_the_handler(place: Place) -> None:
    def key(number: int) -> int:
        if number == 2:
            place.stop()
        return number

    assert isinstance(place.stopped(lambda: sorted([3, 2, 1], key=key)), JobCancelled)


def test_the_next_job_begins_anew(place: Place) -> None:
    place.run(lambda: by_a_bare_except(place))
    first = place.stopper.struck()

    place.start(CLAIM + 1)
    assert place.stopper.struck() is None
    second = place.stopped(lambda: place.stop(StopReason.TIMEOUT, CLAIM + 1))

    assert isinstance(first, JobCancelled)
    assert isinstance(second, JobTimeout)
