"""What an attempt counts as in which the handler was stopped, whatever the handler made of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from forge_jobs.client import Client
from forge_jobs.execution import run
from forge_jobs.handlers import Handler
from forge_jobs.model.outcome import Dead, Done, Failed, Snoozed, Throttled, Verdict
from forge_jobs.model.states import Cause
from forge_jobs.model.stops import RAISED, JobCancelled, JobStopped, StopReason, reason_of, stop_verdict
from tests.support.stopping import Place, taking_the_signal


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    with taking_the_signal(made):
        yield made


def verdict(place: Place, function: Callable[[], Any]) -> Verdict:
    handler: Handler[..., Any] = Handler(
        function,
        Client(lambda: None),  # type: ignore[arg-type, return-value]
        kind="work",
        queue="default",
        max_attempts=5,
        priority=0,
    )

    def context() -> Any:
        raise AssertionError("the handler wants none")

    return run(handler, b"{}", context, place.stopper.struck)


COUNTS_AS: list[tuple[StopReason, Cause | None, bool]] = [
    (StopReason.CANCEL, Cause.CANCELLED, True),
    (StopReason.TIMEOUT, Cause.TIMEOUT, False),
    (StopReason.MEMORY, Cause.OUT_OF_MEMORY, False),
]


@pytest.mark.parametrize(("reason", "cause", "final"), COUNTS_AS)
def test_an_attempt_that_was_stopped_failed_by_that_cause(
    place: Place, reason: StopReason, cause: Cause, final: bool
) -> None:
    found = verdict(place, lambda: place.stop(reason))

    assert (found.cause, found.final, found.result, found.released) == (cause, final, None, False)
    assert found.message == str(place.stopper.struck())
    assert found.traceback is not None
    assert "in strike" in found.traceback
    assert "in run" not in found.traceback


def test_an_attempt_that_was_interrupted_counts_as_none(place: Place) -> None:
    found = verdict(place, lambda: place.stop(StopReason.INTERRUPT))

    assert found == Verdict(released=True)


def test_no_reason_is_missing_here() -> None:
    assert {StopReason.INTERRUPT, *(reason for reason, *_ in COUNTS_AS)} == set(StopReason)


@pytest.mark.parametrize("reason", StopReason)
def test_a_reason_and_its_exception_belong_together(reason: StopReason) -> None:
    assert reason_of(RAISED[reason]("told")) is reason


def test_a_verdict_keeps_how_the_process_ended() -> None:
    found = stop_verdict(StopReason.TIMEOUT, "too long", exit_signal="SIGKILL", pid=7)

    assert (found.exit_signal, found.pid, found.message) == ("SIGKILL", 7, "too long")


def stopped_and(place: Place, reason: StopReason, then: Callable[[], Any]) -> Callable[[], Any]:
    """Return a handler that is stopped, swallows that, and goes on with something else."""

    def handler() -> Any:
        try:
            place.stop(reason)
        except JobStopped:
            return then()

    return handler


def raising(error: BaseException) -> Callable[[], Any]:
    def function() -> Any:
        raise error

    return function


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit(3), KeyboardInterrupt(), RuntimeError()])
@pytest.mark.parametrize(("reason", "cause", "final"), COUNTS_AS)
def test_a_handler_that_makes_another_error_of_it_was_stopped_all_the_same(
    place: Place, error: BaseException, reason: StopReason, cause: Cause, final: bool
) -> None:
    found = verdict(place, stopped_and(place, reason, raising(error)))

    assert (found.cause, found.final) == (cause, final)
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    assert found.message == f"{place.stopper.struck()}; the handler then raised {told}"
    assert found.traceback is not None
    assert type(error).__name__ in found.traceback


@pytest.mark.parametrize("end", [Failed("no luck"), Dead("no luck")])
@pytest.mark.parametrize(("reason", "cause", "final"), COUNTS_AS)
def test_a_handler_that_says_it_failed_was_stopped_all_the_same(
    place: Place, end: Failed | Dead, reason: StopReason, cause: Cause, final: bool
) -> None:
    returned = verdict(place, stopped_and(place, reason, lambda: end))
    raised = verdict(place, stopped_and(place, reason, raising(end)))

    assert returned == raised
    assert (returned.cause, returned.final) == (cause, final)
    assert returned.message == f"{place.stopper.struck()}; the handler ended so: no luck"


@pytest.mark.parametrize("error", [ValueError("odd"), Failed("no luck"), SystemExit()])
def test_a_handler_that_fails_when_it_is_interrupted_goes_back_all_the_same(place: Place, error: BaseException) -> None:
    assert verdict(place, stopped_and(place, StopReason.INTERRUPT, raising(error))) == Verdict(released=True)


@pytest.mark.parametrize("reason", StopReason)
@pytest.mark.parametrize("value", [{"a": 1}, Done({"a": 1})])
def test_a_handler_that_ends_well_in_spite_of_it_is_done(place: Place, reason: StopReason, value: Any) -> None:
    assert verdict(place, stopped_and(place, reason, lambda: value)) == Verdict(result=b'{"a":1}')


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Throttled(2), Verdict(wait_seconds=2, throttled=True)),
        (Snoozed(delay=5), Verdict(wait_seconds=5, lets_go=True)),
    ],
)
def test_a_handler_that_wants_to_wait_in_spite_of_it_waits(place: Place, outcome: Any, expected: Verdict) -> None:
    assert verdict(place, stopped_and(place, StopReason.TIMEOUT, lambda: outcome)) == expected


def test_a_handler_whose_result_cannot_be_stored_was_stopped(place: Place) -> None:
    found = verdict(place, stopped_and(place, StopReason.TIMEOUT, lambda: float("nan")))

    assert (found.cause, found.result) == (Cause.TIMEOUT, None)
    assert "the handler ended so: work: the result" in found.message


def test_a_text_that_cannot_be_stored_is_made_storable(place: Place) -> None:
    found = verdict(place, stopped_and(place, StopReason.TIMEOUT, raising(ValueError("a\0b \ud800"))))

    assert found.message.endswith("ValueError: a\\x00b \\ud800")


def test_a_handler_that_stops_itself_of_its_own_accord_has_failed(place: Place) -> None:
    """Nobody asked: what it raises is an error like any other."""
    found = verdict(place, raising(JobCancelled("by myself")))

    assert (found.cause, found.final, found.message) == (Cause.ERROR, False, "JobCancelled: by myself")
