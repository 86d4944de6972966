"""JobContext: what a handler learns about its job, and what it may do meanwhile."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any

import pytest

from forge_jobs.context import JobContext
from forge_jobs.errors import InvalidValue
from forge_jobs.model.stops import JobCancelled, JobTimeout, StopReason
from forge_jobs_supervisor.unix.board import Word
from tests.support.limits import no_limits
from tests.support.stopping import Place


@pytest.fixture
def reports() -> list[tuple[Any, ...]]:
    return []


@pytest.fixture
def ctx(reports: list[tuple[Any, ...]]) -> JobContext:
    return JobContext(
        job_id="0192",
        kind="resize",
        queue="media",
        attempt=2,
        max_attempts=5,
        enqueue=lambda kind, payload, **options: reports.append((kind, payload, options)),  # type: ignore[arg-type, return-value, func-returns-value]
        report=lambda *told: reports.append(told),
        completing=lambda _result: nullcontext(),
        rate_limit=no_limits(),
    )


def test_it_tells_which_job_this_is(ctx: JobContext) -> None:
    assert (ctx.id, ctx.kind, ctx.queue, ctx.attempt, ctx.max_attempts) == ("0192", "resize", "media", 2, 5)


def test_progress_is_reported(ctx: JobContext, reports: list[tuple[Any, ...]]) -> None:
    ctx.progress(1)
    ctx.progress(2, 10)
    ctx.progress(3, total=10, note="half way")

    assert reports == [(1, None, None), (2, 10, None), (3, 10, "half way")]


def test_another_job_may_be_enqueued(ctx: JobContext, reports: list[tuple[Any, ...]]) -> None:
    ctx.enqueue("other", {"a": 1}, priority=-1)
    ctx.enqueue("other")

    assert reports == [("other", {"a": 1}, {"priority": -1}), ("other", None, {})]


def test_a_log_line_carries_its_job(ctx: JobContext, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="forge_jobs.job"):
        ctx.logger.info("resized %d", 3, extra={"width": 320})

    (line,) = caplog.records
    assert (line.getMessage(), line.name) == ("resized 3", "forge_jobs.job")
    assert (line.job_id, line.kind, line.attempt, line.width) == ("0192", "resize", 2, 320)  # type: ignore[attr-defined]


# -- stopping --------------------------------------------------------------------------------------------------------


def test_without_a_farm_nobody_stops_a_job(ctx: JobContext) -> None:
    ctx.check()
    with ctx.shield(), ctx.shield(max=30):
        ctx.check()

    assert not ctx.cancelled


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def stoppable(place: Place) -> JobContext:
    """The context of a job that a farm runs."""
    return JobContext(
        job_id="0192",
        kind="resize",
        queue="media",
        attempt=1,
        max_attempts=5,
        enqueue=lambda *_args, **_options: None,  # type: ignore[arg-type, return-value]
        report=lambda *_told: None,
        completing=lambda _result: nullcontext(),
        rate_limit=no_limits(),
        stops=place.stopper,
    )


def test_a_job_that_is_to_stop_may_look_and_ask_for_the_exception(place: Place, stoppable: JobContext) -> None:
    stoppable.check()
    assert not stoppable.cancelled

    place.ask(StopReason.TIMEOUT)

    assert stoppable.cancelled
    with pytest.raises(JobTimeout):
        stoppable.check()


def test_what_is_asked_in_a_shield_is_raised_at_its_end(place: Place, stoppable: JobContext) -> None:
    done = []
    with pytest.raises(JobCancelled), stoppable.shield():  # noqa: PT012
        place.ask()
        done.append(stoppable.cancelled)

    assert done == [True]


def test_a_shield_may_ask_for_more_time(place: Place, stoppable: JobContext) -> None:
    with stoppable.shield():
        assert place.slot.get(Word.SHIELD_UNTIL) == 0
    with stoppable.shield(max=30):
        assert place.slot.get(Word.SHIELD_UNTIL) > place.slot.get(Word.STARTED_AT)


@pytest.mark.parametrize("time", [-1, float("nan"), True, "5", None])
def test_a_shield_for_anything_but_seconds_is_refused(ctx: JobContext, time: Any) -> None:
    with pytest.raises(InvalidValue, match="max"):
        ctx.shield(max=time)
