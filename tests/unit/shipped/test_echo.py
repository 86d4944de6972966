"""The echo does as it is told, in this order: sleep, fail, throttle, answer. Its name is nobody else's."""

from __future__ import annotations

import pytest

from forge_jobs import Failed, ForgeJobs, HandlerError, Throttled
from forge_jobs_supervisor.shipped import ECHO
from forge_jobs_supervisor.shipped.echo import echo


def test_it_answers_with_its_message() -> None:
    assert echo("hello", sleep=0) == "hello"
    assert echo(sleep=0) == ""


def test_it_fails_when_asked_to() -> None:
    with pytest.raises(Failed, match="on purpose"):
        echo("on purpose", sleep=0, fail=True, throttle=5)


def test_it_throttles_itself_when_asked_to() -> None:
    with pytest.raises(Throttled) as throttled:
        echo(sleep=0, throttle=5)
    assert throttled.value.retry_after == 5


def test_no_application_may_take_a_reserved_name() -> None:
    with pytest.raises(HandlerError, match="names that begin with 'forge\\.' are reserved"):
        ForgeJobs().handler(ECHO)(lambda: None)
