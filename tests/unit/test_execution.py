"""One call of a handler becomes one verdict, whatever the handler does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.client import Client
from forge_jobs.context import JobContext
from forge_jobs.execution import run, storable, verdict_of
from forge_jobs.handlers import Handler
from forge_jobs.model.job import MAX_ERROR_CHARACTERS
from forge_jobs.model.outcome import Dead, Done, Failed, Outcome, RateLimited, Snoozed, Throttled, Verdict
from forge_jobs.model.states import Cause
from tests.support.limits import no_limits


def handler_of(function: Callable[..., Any]) -> Handler[..., Any]:
    return Handler(function, Client(lambda: None), kind="work", queue="default", max_attempts=5, priority=0)  # type: ignore[arg-type, return-value]


def context() -> JobContext:
    return JobContext(
        job_id="0192",
        kind="work",
        queue="default",
        attempt=2,
        max_attempts=5,
        enqueue=lambda *_args, **_options: None,  # type: ignore[arg-type, return-value]
        report=lambda _done, _total, _note: None,
        completing=lambda _result: nullcontext(),
        rate_limit=no_limits(),
    )


def verdict(function: Callable[..., Any], payload: bytes = b"{}") -> Verdict:
    return run(handler_of(function), payload, context)


def raising(error: BaseException) -> Verdict:
    def function() -> None:
        raise error

    return verdict(function)


def test_a_returned_value_is_the_result() -> None:
    assert verdict(lambda: {"a": [1]}) == Verdict(result=b'{"a":[1]}')


def test_a_handler_that_returns_nothing_is_done_with_nothing() -> None:
    assert verdict(lambda: None) == Verdict(result=b"null")


def test_the_arguments_are_given_by_name_and_in_their_types() -> None:
    def add(when: datetime, number: int = 3) -> Any:
        return [when.year, number]

    assert verdict(add, b'{"when":"2025-01-01T00:00:00Z"}').result == b"[2025,3]"


def test_the_context_is_given_to_a_handler_that_wants_it() -> None:
    assert verdict(lambda ctx: [ctx.id, ctx.kind, ctx.queue, ctx.attempt, ctx.max_attempts]).result == (
        b'["0192","work","default",2,5]'
    )


def test_a_payload_that_does_not_fit_is_a_failed_attempt_and_the_handler_is_not_called() -> None:
    called = []

    def function(number: int) -> None:
        called.append(number)

    found = verdict(function, b'{"number":"x"}')

    assert (found.cause, found.final, called) == (Cause.ERROR, False, [])
    assert "does not fit" in found.message


OUTCOMES: list[tuple[Any, Verdict]] = [
    (Done(), Verdict(result=b"null")),
    (Done([1]), Verdict(result=b"[1]")),
    (Failed("no luck"), Verdict(cause=Cause.ERROR, message="no luck")),
    (Dead("never"), Verdict(cause=Cause.ERROR, message="never", final=True)),
    (Throttled(2), Verdict(wait_seconds=2, throttled=True)),
    (Throttled(), Verdict(throttled=True)),
    (RateLimited(0.5), Verdict(wait_seconds=0.5)),
    (Snoozed(delay=5), Verdict(wait_seconds=5, lets_go=True)),
    (Snoozed(datetime(2025, 1, 1, tzinfo=UTC)), Verdict(wait_until=1_735_689_600_000_000, lets_go=True)),
]


@pytest.mark.parametrize(("outcome", "expected"), OUTCOMES, ids=lambda v: repr(v)[:30])
def test_an_outcome_means_the_same_returned_or_raised(outcome: Outcome, expected: Verdict) -> None:
    assert verdict(lambda: outcome) == expected
    assert raising(outcome) == expected
    assert verdict_of(outcome, "work") == expected


@pytest.mark.parametrize("value", [0, False, "", [], {}])
def test_an_empty_result_is_a_result(value: Any) -> None:
    assert verdict(lambda: value).result is not None


UNSTORABLE = {
    "nan": float("nan"), "an object": object(), "a surrogate": "\ud800", "too long": "x" * 2_000_000,
    "done with inf": Done(float("inf")),
}  # fmt: skip


@pytest.mark.parametrize("value", UNSTORABLE.values(), ids=UNSTORABLE.keys())
def test_a_result_that_cannot_be_stored_is_a_failed_attempt(value: Any) -> None:
    found = verdict(lambda: value)

    assert (found.result, found.cause, found.final) == (None, Cause.ERROR, False)
    assert found.message.startswith("work: the result ")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("odd"), "ValueError: odd"),
        (KeyError("k"), "KeyError: 'k'"),
        (RuntimeError(), "RuntimeError"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (ExceptionGroup("many", [ValueError("a"), OSError("b")]), "ExceptionGroup: many (2 sub-exceptions)"),
        (RecursionError("deep"), "RecursionError: deep"),
    ],
)
def test_whatever_is_raised_is_a_failed_attempt(error: BaseException, message: str) -> None:
    found = raising(error)

    assert (found.cause, found.final, found.message) == (Cause.ERROR, False, message)
    assert found.traceback is not None


def test_the_traceback_begins_in_the_handler() -> None:
    def function() -> None:
        raise ValueError("odd")

    found = verdict(function)

    assert found.traceback is not None
    assert found.traceback.startswith("Traceback (most recent call last):")
    assert "in function" in found.traceback
    assert "in run" not in found.traceback


def test_an_error_whose_text_cannot_be_had_is_told_by_its_type() -> None:
    class Rude(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text for you")

    found = raising(Rude())

    assert found.cause is Cause.ERROR
    assert found.message.endswith("Rude: (its message cannot be shown)")


def test_an_error_text_that_cannot_be_stored_is_made_storable() -> None:
    found = raising(ValueError("a\0b \ud800 c"))

    assert found.message == "ValueError: a\\x00b \\ud800 c"
    assert found.traceback is not None
    found.traceback.encode()
    assert "\0" not in found.traceback


def test_a_long_message_keeps_its_beginning_and_a_long_traceback_its_end() -> None:
    found = raising(ValueError("begin " + "x" * 50_000 + " end"))

    assert found.message.startswith("ValueError: begin")
    assert len(found.message) <= MAX_ERROR_CHARACTERS + 2
    assert found.traceback is not None
    assert found.traceback.startswith("…")
    assert found.traceback.endswith(" end\n")


def test_a_failed_attempt_in_an_outcomes_words_has_no_traceback() -> None:
    assert raising(Failed("a\0")) == Verdict(cause=Cause.ERROR, message="a\\x00")


@given(text=st.text(alphabet=st.characters(), max_size=200), end=st.booleans())
def test_every_text_can_be_made_storable(text: str, end: bool) -> None:
    safe = storable(text, keep_end=end)

    assert "\0" not in safe
    assert safe.encode().decode() == safe
    assert storable(safe, keep_end=end) == safe


def test_what_is_storable_is_not_changed() -> None:
    assert storable("é 漢 \U0001f40d\n\t") == "é 漢 \U0001f40d\n\t"
    assert storable("x" * MAX_ERROR_CHARACTERS) == "x" * MAX_ERROR_CHARACTERS
