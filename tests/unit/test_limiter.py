"""Limits as an application declares and uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forge_jobs import ForgeJobs, HandlerError, InvalidValue, JobContext, RateLimited, Throttled
from forge_jobs.model.limits import KindRules, RateLimit
from forge_jobs.testing import run_due
from tests.support.clock import FakeClock


def nothing(**_arguments: Any) -> None:
    pass


def test_a_handler_says_its_limits(jobs: ForgeJobs) -> None:
    @jobs.handler(
        max_running=4, max_running_per_key=1, concurrency_key="tenant", rate_limit=["slack", "api"], rate_cost=2
    )
    def send(tenant: str) -> None: ...

    assert jobs.declared().rules == [
        KindRules(
            kind="send",
            max_running=4,
            max_running_per_key=1,
            concurrency_key="tenant",
            rate_limits=("api", "slack"),
            rate_cost=2,
        )
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"max_running": 0}, "max_running 0"),
        ({"max_running_per_key": True}, "max_running_per_key True"),
        ({"concurrency_key": "tenant"}, "say max_running_per_key"),
        ({"rate_limit": ""}, "is no name"),
        ({"rate_limit": "a", "rate_cost": 0}, "cost 0"),
        ({"max_throttles": 0}, "max_throttles 0"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_where_it_is_declared(
    jobs: ForgeJobs, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidValue, match=told):
        jobs.handler("work", **options)(nothing)


def test_a_concurrency_key_names_an_argument(jobs: ForgeJobs) -> None:
    def send(tenant: str) -> None: ...

    with pytest.raises(HandlerError, match="concurrency_key 'tenent' is none of its arguments; it takes tenant"):
        jobs.handler(max_running_per_key=1, concurrency_key="tenent")(send)


def test_a_rate_limit_is_declared_once(jobs: ForgeJobs) -> None:
    jobs.rate_limit("slack", capacity=50, per_minute=60)
    jobs.rate_limit("slack", capacity=50, per_second=1)

    with pytest.raises(InvalidValue, match="declared twice"):
        jobs.rate_limit("slack", capacity=51, per_second=1)
    assert jobs.declared().rate_limits == [RateLimit(scope="slack", capacity=50, refill=1)]


def test_a_program_may_use_a_limit_too(jobs: ForgeJobs) -> None:
    jobs.limiter.set("slack", capacity=2, per_hour=1)

    jobs.limiter.acquire("slack", cost=2)
    with pytest.raises(RateLimited) as told:
        jobs.limiter.acquire("slack")

    assert told.value.retry_after == pytest.approx(3600, rel=0.01)
    assert not jobs.limiter.try_acquire("slack")
    assert [bucket.capacity for bucket in jobs.limiter.all()] == [2]
    jobs.limiter.delete("slack")
    for act in (lambda: jobs.limiter.delete("slack"), lambda: jobs.limiter.drain("slack", 5)):
        with pytest.raises(InvalidValue, match="there is no rate limit 'slack'"):
            act()
    with pytest.raises(InvalidValue, match="needs the name"):
        jobs.limiter.acquire()


def asking(jobs: ForgeJobs, act: Callable[[JobContext], None]) -> list[int]:
    ran: list[int] = []

    @jobs.handler
    def ask(ctx: JobContext, n: int) -> None:
        act(ctx)
        ran.append(n)

    jobs.enqueue_bulk([("ask", {"n": n}) for n in range(3)])
    return ran


def test_a_handler_that_is_denied_comes_again_with_its_attempt(jobs: ForgeJobs, clock: FakeClock) -> None:
    jobs.rate_limit("slack", capacity=1, per_second=1)
    ran = asking(jobs, lambda ctx: ctx.rate_limit.acquire("slack"))

    run_due(jobs)
    assert ran == [0]
    clock.advance(1)
    run_due(jobs)

    assert len(ran) == 2
    assert {job.attempts for job in jobs.list() if job.status == "done"} == {1}
    assert {job.attempts for job in jobs.list() if job.status == "pending"} == {0}


def test_one_429_stops_the_others(jobs: ForgeJobs) -> None:
    jobs.rate_limit("slack", capacity=5, per_second=1)

    def act(ctx: JobContext) -> None:
        ctx.rate_limit.acquire("slack")
        ctx.rate_limit.drain("slack", retry_after=30)
        raise Throttled(30)

    ran = asking(jobs, act)

    run_due(jobs)

    assert ran == []
    assert sorted(job.record.throttles for job in jobs.list()) == [0, 0, 1]


def test_run_due_obeys_limits_of_kinds(jobs: ForgeJobs, clock: FakeClock) -> None:
    jobs.rate_limit("slack", capacity=2, per_minute=1)
    ran: list[int] = []

    @jobs.handler(rate_limit="slack", max_running=1)
    def send(n: int) -> None:
        ran.append(n)

    jobs.enqueue_bulk([("send", {"n": n}) for n in range(4)])
    run_due(jobs)
    assert ran == [0, 1]
    clock.advance(60)
    run_due(jobs)

    assert ran == [0, 1, 2]


def test_a_job_that_is_throttled_too_often_ends_dead(jobs: ForgeJobs, clock: FakeClock) -> None:

    @jobs.handler(max_throttles=2)
    def send() -> None:
        raise Throttled

    job = send.enqueue()
    run_due(jobs)
    clock.advance(3600)
    run_due(jobs)

    assert job.refresh().status == "dead"
    assert [(entry.cause, entry.message) for entry in job.error_history] == [
        ("throttled", "it was throttled 2 times, as often as its handler allows (max_throttles)")
    ]
