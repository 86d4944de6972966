"""The closed set of ways a handler may end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from forge_jobs.errors import InvalidValue
from forge_jobs.model.outcome import Dead, Done, Failed, Outcome, RateLimited, Snoozed, Throttled


def test_there_are_six_outcomes_and_all_can_be_raised() -> None:
    assert set(Outcome.__subclasses__()) == {Done, Failed, Dead, Throttled, RateLimited, Snoozed}
    for outcome in (Done(1), Failed("no"), Dead("never"), Throttled(), Snoozed(delay=1)):
        with pytest.raises(type(outcome)):
            raise outcome


@pytest.mark.parametrize(("given", "text"), [("no luck", "no luck"), (ValueError("odd"), "odd"), (None, "None")])
def test_a_message_is_a_text_whatever_was_given(given: Any, text: str) -> None:
    assert (Failed(given).message, Dead(given).message) == (text, text)


def test_a_throttled_job_may_say_how_long_to_wait() -> None:
    assert Throttled().retry_after is None
    assert Throttled(2.5).retry_after == 2.5
    assert Throttled(0).retry_after == 0


@pytest.mark.parametrize("wait", [-1, "5", float("nan")])
def test_a_throttled_job_cannot_wait_for_something_else(wait: Any) -> None:
    with pytest.raises(InvalidValue, match="retry_after"):
        Throttled(wait)


def test_a_snoozed_job_names_a_moment_or_a_delay() -> None:
    assert Snoozed(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)).until == 1_000_000
    assert Snoozed(delay=3).delay == 3


def test_a_snoozed_job_names_one_of_the_two() -> None:
    with pytest.raises(TypeError, match="either"):
        Snoozed()
    with pytest.raises(TypeError, match="either"):
        Snoozed(datetime(2025, 1, 1, tzinfo=UTC), delay=1)


def test_a_snoozed_job_needs_an_aware_moment() -> None:
    with pytest.raises(InvalidValue, match="time zone"):
        Snoozed(datetime(2025, 1, 1))
