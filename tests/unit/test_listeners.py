"""Listeners: what is heard, and what becomes of one that raises."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from forge_jobs import ErrorEntry, ForgeJobs, HandlerError, InvalidValue, Job, JobContext, JobEvent
from forge_jobs.model.events import EVENT_KIND, EVENTS
from forge_jobs.model.states import Cause
from forge_jobs.testing import run_due
from tests.support.clock import FakeClock

EVENT = JobEvent(
    event="dead",
    job_id="0192",
    kind="resize",
    queue="default",
    attempt=2,
    at=5,
    error=ErrorEntry(at=5, attempt=2, cause=Cause.ERROR, message="no luck", traceback="Trace"),
)


def raised(jobs: ForgeJobs, **more: Any) -> Job:
    """Store the job that carries an event."""
    return jobs.enqueue(EVENT_KIND, msgspec.to_builtins(EVENT) | more)


def test_a_listener_is_given_the_event_whole(jobs: ForgeJobs) -> None:
    heard: list[JobEvent] = []
    jobs.on("dead", heard.append)
    job = raised(jobs, of_a_later_version=True)

    assert run_due(jobs) == [job]
    assert heard == [EVENT]
    assert job.refresh().status == "done"
    assert (job.priority, job.max_attempts) == (-1000, 5)


def test_it_may_be_declared_as_a_decorator_and_for_one_kind(jobs: ForgeJobs) -> None:
    heard: list[str] = []

    @jobs.on("dead")
    @jobs.on("failed", kind="resize")
    def alert(event: JobEvent) -> None:
        heard.append(event.event)

    jobs.on("dead", lambda event: heard.append("of another kind"), kind="other")

    for event in ("dead", "failed", "done"):
        raised(jobs, event=event)
    raised(jobs, event="failed", kind="else")
    run_due(jobs)

    assert heard == ["dead", "failed"]
    assert jobs.listeners.heard_of("resize") == ("failed", "dead")
    assert jobs.listeners.heard_of("other") == ("dead",)
    assert jobs.listeners.heard_of(EVENT_KIND) == ()


def test_one_that_raises_is_tried_again_and_the_others_are_not_told_twice(jobs: ForgeJobs, clock: FakeClock) -> None:
    heard: list[str] = []

    def named(name: str, fails: int) -> Any:
        def listener(event: JobEvent) -> None:
            heard.append(name)
            if heard.count(name) <= fails:
                raise ValueError(name)

        listener.__qualname__ = name
        return listener

    for name, fails in (("a", 0), ("b", 2), ("c", 0)):
        jobs.on("dead", named(name, fails))

    job = raised(jobs)
    run_due(jobs)
    assert (heard, job.refresh().status) == (["a", "b", "c"], "done")
    clock.advance(10)
    (again,) = run_due(jobs)
    assert (again.status, heard[3:]) == ("failed", ["b"])
    clock.advance(30)
    assert [j.status for j in run_due(jobs)] == ["done"]
    assert heard[4:] == ["b"]


def test_a_listener_that_is_gone_is_not_waited_for(jobs: ForgeJobs) -> None:
    jobs.on("dead", lambda event: None)
    job = raised(jobs, listener="app.gone")
    run_due(jobs)

    assert job.refresh().status == "dead"
    assert "no listener app.gone" in job.error_history[-1].message


def test_no_queue_is_served_for_events_alone(jobs: ForgeJobs) -> None:
    @jobs.handler(queue="media")
    def resize() -> None: ...

    jobs.on("dead", lambda event: None)

    assert list(jobs.handlers.queues()) == ["media"]
    assert set(jobs.handlers) == {"resize", EVENT_KIND}


def test_what_cannot_be_heard_or_called_is_refused() -> None:
    jobs = ForgeJobs()
    with pytest.raises(InvalidValue, match="one of done, failed"):
        jobs.on("deed", lambda event: None)
    with pytest.raises(InvalidValue, match="kind"):
        jobs.on("dead", lambda event: None, kind="with spaces")
    for wrong in (5, lambda: None, lambda event, more: None):
        with pytest.raises(HandlerError, match="listener of 'dead'"):
            jobs.on("dead", wrong)  # type: ignore[call-overload]
    assert len(jobs.listeners) == 0
    assert EVENT_KIND not in jobs.handlers


def test_every_event_may_be_heard() -> None:
    jobs = ForgeJobs()
    for event in EVENTS:
        jobs.on(event, lambda event: None)

    assert jobs.listeners.heard_of("anything") == EVENTS


# -- from the end of a job to its listeners ---------------------------------------------------------------------------


def test_what_ends_is_heard_of(jobs: ForgeJobs, clock: FakeClock) -> None:
    heard: list[tuple[str, str, int]] = []
    for event in EVENTS:
        jobs.on(event, lambda event: heard.append((event.event, event.job_id, event.attempt)))

    @jobs.handler(max_attempts=2)
    def fails() -> None:
        raise ValueError("odd")

    @jobs.handler
    def works() -> int:
        return 1

    @jobs.handler
    def commits(ctx: JobContext) -> None:
        with ctx.transaction():
            pass

    failing, working, committing = fails.enqueue(), works.enqueue(), commits.enqueue()
    waiting = works.using(delay=3600).enqueue()
    run_due(jobs)
    waiting.cancel()
    run_due(jobs)
    assert sorted(heard) == sorted(
        [
            ("cancelled", waiting.id, 0),
            ("failed", failing.id, 1),
            ("done", working.id, 1),
            ("done", committing.id, 1),
        ]
    )
    heard.clear()
    clock.advance(60)
    run_due(jobs)
    assert heard == [("dead", failing.id, 2)]
