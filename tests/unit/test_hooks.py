"""What an application has called in each worker's first and last moment."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from forge_jobs import ForgeJobs, HandlerError, UsageError


def test_the_first_to_start_is_the_last_to_stop() -> None:
    jobs = ForgeJobs()
    seen: list[str] = []
    for name in ("a", "b"):
        jobs.worker_start(lambda name=name: seen.append(f"start {name}"))
        jobs.worker_stop(lambda name=name: seen.append(f"stop {name}"))

    jobs.hooks.start()
    jobs.hooks.stop()

    assert seen == ["start a", "start b", "stop b", "stop a"]


@pytest.mark.parametrize("error", [ValueError("no collector"), SystemExit("no collector")])
def test_a_worker_does_not_start_where_one_fails(error: BaseException) -> None:
    jobs = ForgeJobs()

    @jobs.worker_start
    def connect() -> None:
        raise error

    with pytest.raises(UsageError, match=r"worker_start function .*connect failed: \w+: no collector"):
        jobs.hooks.start()


def test_all_are_called_at_the_end_whatever_one_of_them_does(caplog: pytest.LogCaptureFixture) -> None:
    jobs = ForgeJobs()
    seen = []
    jobs.worker_stop(lambda: seen.append("called"))

    @jobs.worker_stop
    def flush() -> None:
        raise SystemExit("gone")

    jobs.hooks.stop()

    assert seen == ["called"]
    assert "flush failed" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize("wrong", [5, lambda worker: None])
def test_what_cannot_be_called_is_refused(wrong: Any) -> None:
    with pytest.raises(HandlerError, match="worker_start"):
        ForgeJobs().worker_start(wrong)
    with pytest.raises(HandlerError, match="worker_stop"):
        ForgeJobs().worker_stop(wrong)
