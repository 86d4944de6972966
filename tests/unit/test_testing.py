"""forge_jobs.testing: what the tests of applications are given."""

from __future__ import annotations

import pytest

from forge_jobs import Dead, ForgeJobs, JobContext, Snoozed
from forge_jobs.testing import assert_enqueued, run_due
from tests.support.clock import FakeClock


def test_what_is_due_is_run_here_in_order(jobs: ForgeJobs) -> None:
    seen = []

    @jobs.handler
    def note(ctx: JobContext, number: int) -> int:
        seen.append((ctx.kind, number))
        return number * 2

    made = [note.enqueue(number=n) for n in (1, 2)]
    first = note.using(priority=-1).enqueue(number=3)

    assert run_due(jobs) == [first, *made]
    assert seen == [("note", 3), ("note", 1), ("note", 2)]
    assert first.result(timeout=0) == 6


def test_what_is_not_due_yet_waits_for_its_time(jobs: ForgeJobs, clock: FakeClock) -> None:
    @jobs.handler
    def note() -> None: ...

    job = note.using(delay=60).enqueue()

    assert run_due(jobs) == []
    clock.advance(60)
    assert run_due(jobs) == [job]


def test_jobs_that_are_enqueued_meanwhile_are_run_too(jobs: ForgeJobs) -> None:
    @jobs.handler
    def countdown(ctx: JobContext, number: int) -> None:
        if number:
            ctx.enqueue("countdown", {"number": number - 1})

    countdown.enqueue(number=3)

    assert len(run_due(jobs)) == 4


def test_a_limit_may_be_set(jobs: ForgeJobs) -> None:
    @jobs.handler
    def note() -> None: ...

    for _ in range(3):
        note.enqueue()

    assert len(run_due(jobs, limit=2)) == 2
    assert jobs.counts()["default"].pending == 1


def test_a_job_that_fails_waits_for_its_next_attempt(jobs: ForgeJobs, clock: FakeClock) -> None:
    @jobs.handler
    def flaky(ctx: JobContext) -> str:
        if ctx.attempt == 1:
            raise ValueError("at first")
        return "then"

    job = flaky.enqueue()

    assert [j.status for j in run_due(jobs)] == ["failed"]
    clock.advance(10)
    assert [j.status for j in run_due(jobs)] == ["done"]
    assert job.result(timeout=0) == "then"


def test_outcomes_are_recorded_as_a_worker_would(jobs: ForgeJobs) -> None:
    @jobs.handler
    def hopeless() -> None:
        raise Dead("never")

    @jobs.handler
    def sleepy() -> Snoozed:
        return Snoozed(delay=5)

    hopeless.enqueue()
    sleepy.enqueue()

    assert [(j.kind, j.status, j.attempts) for j in run_due(jobs)] == [
        ("hopeless", "dead", 1),
        ("sleepy", "pending", 0),
    ]


def test_kinds_without_a_handler_are_left_alone(jobs: ForgeJobs) -> None:
    jobs.enqueue("strange")

    assert run_due(jobs) == []
    assert jobs.counts()["default"].pending == 1


def test_what_was_enqueued_is_found_by_its_arguments(jobs: ForgeJobs) -> None:
    wanted = jobs.enqueue("mail", {"to": "a", "text": "hello"})
    jobs.enqueue("mail", {"to": "b"})

    assert assert_enqueued(jobs, "mail", to="a") == wanted
    with pytest.raises(AssertionError, match="no job of kind 'mail'"):
        assert_enqueued(jobs, "mail", to="c")
    with pytest.raises(AssertionError):
        assert_enqueued(jobs, "post")
