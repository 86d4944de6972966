"""JobContext: what a handler learns about its job, and what it may do meanwhile."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from forge_jobs.context import JobContext


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
