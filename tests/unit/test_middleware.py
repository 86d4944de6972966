"""Middleware: functions of the application around every run, safe whatever they do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from forge_jobs import Dead, Done, Failed, ForgeJobs, HandlerError, JobContext, Snoozed
from forge_jobs.execution import run
from forge_jobs.middleware import Middleware
from forge_jobs.model.outcome import Outcome, Verdict
from forge_jobs.model.states import Cause
from forge_jobs.model.stops import JobStopped, StopReason
from forge_jobs.testing import run_due
from tests.support.stopping import Place, strike, taking_the_signal
from tests.unit.test_execution import OUTCOMES, context, handler_of

Next = Callable[[], Any]


def verdict(function: Callable[..., Any], *around: Middleware, **more: Any) -> Verdict:
    return run(handler_of(function), b"{}", context, around=around, **more)


def broken() -> None:
    raise ValueError("broken")


def passes(ctx: JobContext, call_next: Next) -> Any:
    return call_next()


def test_the_first_is_outermost_and_each_is_told_of_the_job() -> None:
    seen: list[str] = []

    def named(name: str) -> Middleware:
        def middleware(ctx: JobContext, call_next: Next) -> Any:
            seen.append(f"{name} before {ctx.kind}")
            value = call_next()
            seen.append(f"{name} after {value}")
            return value + 1

        return middleware

    found = verdict(lambda: seen.append("run") or 1, named("a"), named("b"))

    assert seen == ["a before work", "b before work", "run", "b after 1", "a after 2"]
    assert found == Verdict(result=b"3")


@pytest.mark.parametrize(("outcome", "expected"), OUTCOMES, ids=lambda v: repr(v)[:20])
def test_an_outcome_comes_out_of_call_next_as_a_value_and_passes(outcome: Outcome, expected: Verdict) -> None:
    def raises() -> None:
        raise outcome

    seen: list[Any] = []

    def looks(ctx: JobContext, call_next: Next) -> Any:
        seen.append(call_next())
        return seen[-1]

    assert verdict(raises, looks, passes) == expected
    assert verdict(lambda: outcome, looks) == expected
    assert seen == [outcome, outcome]


def test_an_exception_of_the_handler_comes_out_of_call_next() -> None:
    seen = []

    def looks(ctx: JobContext, call_next: Next) -> Any:
        try:
            return call_next()
        except ValueError as error:
            seen.append(str(error))
            raise

    found = verdict(broken, passes, looks)

    assert seen == ["broken"]
    assert (found.cause, found.message) == (Cause.ERROR, "ValueError: broken")
    assert found.traceback is not None
    assert "in broken" in found.traceback
    assert "in looks" in found.traceback
    assert "forge_jobs/middleware.py" not in found.traceback
    assert "forge_jobs/execution.py" not in found.traceback


@pytest.mark.parametrize("before", [True, False])
def test_what_a_middleware_raises_is_a_failed_attempt_with_its_traceback(before: bool) -> None:
    ran = []

    def faulty(ctx: JobContext, call_next: Next) -> Any:
        if before:
            raise KeyError("lost")
        call_next()
        raise KeyError("lost")

    found = verdict(lambda: ran.append(1), faulty)

    assert (found.cause, found.final, found.message) == (Cause.ERROR, False, "KeyError: 'lost'")
    assert found.traceback is not None
    assert "in faulty" in found.traceback
    assert ran == [1] * (not before)


def test_a_middleware_may_leave_the_worker_as_little_as_a_handler() -> None:
    def leaves(ctx: JobContext, call_next: Next) -> Any:
        raise SystemExit(3)

    assert verdict(lambda: 1, leaves).message == "SystemExit: 3"


def test_a_middleware_that_returns_nothing_changes_nothing() -> None:
    def forgets(ctx: JobContext, call_next: Next) -> None:
        call_next()

    def hides(ctx: JobContext, call_next: Next) -> None:
        with contextlib.suppress(ValueError):
            call_next()

    assert verdict(lambda: 7, forgets) == Verdict(result=b"7")
    assert verdict(lambda: Dead("never"), forgets).final
    assert verdict(broken, hides).message == "ValueError: broken"


def test_a_middleware_may_make_another_end_of_it() -> None:
    def forgives(ctx: JobContext, call_next: Next) -> Any:
        try:
            return call_next()
        except ValueError:
            return Done()

    assert verdict(broken, forgives) == Verdict(result=b"null")
    assert verdict(lambda: 1, lambda ctx, call_next: Failed(str(call_next()))).message == "1"


def test_a_handler_is_skipped_only_by_an_outcome() -> None:
    ran: list[int] = []

    def handler() -> None:
        ran.append(1)

    def forgets(ctx: JobContext, call_next: Next) -> None: ...

    assert verdict(handler, lambda ctx, call_next: Snoozed(delay=5)).wait_seconds == 5
    assert verdict(handler, lambda ctx, call_next: Done(3)) == Verdict(result=b"3")
    for silent in (forgets, lambda ctx, call_next: 5):
        found = verdict(handler, silent)
        assert (found.cause, found.final) == (Cause.ERROR, False)
        assert "handler did not run" in found.message
        assert "Done(...)" in found.message
    assert ran == []


def test_call_next_runs_the_handler_once() -> None:
    ran: list[int] = []

    def twice(ctx: JobContext, call_next: Next) -> Any:
        call_next()
        return call_next()

    found = verdict(lambda: ran.append(1), twice)

    assert ran == [1]
    assert "call_next() was called a second time" in found.message


def test_a_handler_without_a_context_still_gets_none() -> None:
    assert verdict(lambda: 1, passes) == Verdict(result=b"1")
    assert verdict(lambda ctx: ctx.attempt, passes) == Verdict(result=b"2")


@pytest.mark.parametrize("where", ["before", "handler", "after"])
def test_a_job_is_stopped_in_its_middleware_too(where: str) -> None:
    place = Place()

    def stopped_here(ctx: JobContext, call_next: Next) -> Any:
        if where == "before":
            place.stop(StopReason.TIMEOUT)
        value = call_next()
        if where == "after":
            place.stop(StopReason.TIMEOUT)
        return value

    def handler() -> None:
        if where == "handler":
            place.stop(StopReason.TIMEOUT)

    with taking_the_signal(place):
        found = verdict(handler, passes, stopped_here, struck=place.stopper.struck)

    assert (found.cause, found.result) == (Cause.TIMEOUT, None)


def test_a_stop_that_a_middleware_hides_is_one_all_the_same() -> None:
    place = Place()

    def hides(ctx: JobContext, call_next: Next) -> Any:
        try:
            return call_next()
        except JobStopped:
            return None

    with taking_the_signal(place):
        assert verdict(place.stop, hides, struck=place.stopper.struck).cause is Cause.CANCELLED


def test_nothing_is_raised_between_two_jobs() -> None:
    place = Place()
    place.ask()
    with taking_the_signal(place):
        strike()
        assert verdict(lambda: 1, passes) == Verdict(result=b"1")


@pytest.mark.parametrize("wrong", [5, lambda: None, lambda ctx: None, lambda ctx, call_next, more: None])
def test_what_cannot_be_called_so_is_refused_where_it_is_declared(wrong: Any) -> None:
    with pytest.raises(HandlerError, match="middleware"):
        ForgeJobs().middleware(wrong)


def test_an_async_or_generating_middleware_is_refused() -> None:
    async def later(ctx: JobContext, call_next: Next) -> None: ...

    def around(ctx: JobContext, call_next: Next) -> Any:
        yield call_next()

    for wrong in (later, around):
        with pytest.raises(HandlerError, match="plain function"):
            ForgeJobs().middleware(wrong)


def test_it_runs_in_an_applications_tests_as_in_a_worker(jobs: ForgeJobs) -> None:
    seen = []

    @jobs.middleware
    def notes(ctx: JobContext, call_next: Next) -> Any:
        seen.append(ctx.id)
        return call_next()

    @jobs.handler
    def answer() -> int:
        return 42

    job = answer.enqueue()

    assert run_due(jobs) == [job]
    assert seen == [job.id]
    assert job.result(timeout=0) == 42


def test_a_job_that_is_committed_as_done_stays_done(jobs: ForgeJobs) -> None:
    @jobs.middleware
    def faulty(ctx: JobContext, call_next: Next) -> Any:
        call_next()
        raise RuntimeError("too late")

    @jobs.handler
    def commits(ctx: JobContext) -> None:
        with ctx.transaction() as transaction:
            transaction.result = "committed"

    job = commits.enqueue()
    run_due(jobs)

    assert job.result(timeout=0) == "committed"
