"""Middleware, hooks of the workers and the log in a real farm."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from forge_jobs import JobFailed
from tests.support.farm import Farm, Supervised, eventually, noted

pytestmark = pytest.mark.processes


def start(farm: Farm, *options: str, workers: int = 1) -> Supervised:
    return farm.supervise(*options, app="observed_application:jobs", workers=workers)


def lines(supervised: Supervised) -> list[dict[str, Any]]:
    return [json.loads(line) for line in supervised.log.splitlines()]


def test_each_worker_calls_its_hooks_and_each_run_its_middleware(farm: Farm) -> None:
    supervised = start(farm)
    farm.jobs.enqueue("logs", {"text": "a"}).result(timeout=30)
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0

    assert noted(farm.directory / "notes") == ["start", "before logs", "after logs", "stop"]


def test_a_middleware_that_raises_fails_the_attempt_and_leaves_the_worker(farm: Farm) -> None:
    start(farm)
    before = farm.jobs.enqueue("logs", {"text": "a"}).result(timeout=30)
    refused = farm.jobs.enqueue("refused", {}, max_attempts=1)
    with pytest.raises(JobFailed, match="RuntimeError: not today"):
        refused.result(timeout=30)
    entry = refused.record.error_history[-1]

    assert farm.jobs.enqueue("logs", {"text": "b"}).result(timeout=30) == before, "the same worker"
    assert entry.traceback is not None
    assert "in around" in entry.traceback
    assert "never" not in noted(farm.directory / "notes")


@pytest.mark.parametrize("kind", ["held_before", "held_after"])
def test_a_job_is_cancelled_in_its_middleware(farm: Farm, kind: str) -> None:
    start(farm)
    job = farm.jobs.enqueue(kind)
    eventually((farm.directory / f"{job.id}.go.waits").exists)
    job.cancel()
    farm.ended(job)

    assert [entry.cause for entry in job.refresh().error_history] == ["cancelled"]


def test_a_worker_whose_hook_fails_does_not_come_up_and_says_why(farm: Farm) -> None:
    (farm.directory / "hooked.py").write_text(
        "from observed_application import jobs\n\n"
        "@jobs.worker_start\ndef connect():\n    raise OSError('no collector')\n"
    )
    supervised = farm.supervise(app="hooked:jobs", workers=1)

    assert supervised.wait() == 3
    assert "the worker_start function connect failed: OSError: no collector" in supervised.log


def test_every_line_of_a_job_carries_its_id_whoever_logs_it(farm: Farm) -> None:
    job = farm.jobs.enqueue("logs", {"text": "a"})
    supervised = start(farm, "--drain", "--log-format", "json")
    supervised.wait()
    own = [line for line in lines(supervised) if line["logger"] == "a.library"]

    assert [line["message"] for line in own] == ["says a", "thread says a"]
    for line in own:
        assert (line["job_id"], line["kind"], line["queue"], line["attempt"]) == (job.id, "logs", "default", 1)


def test_the_steps_of_a_job_and_of_a_farm_are_logged_under_lasting_names(farm: Farm) -> None:
    for kind in ("logs", "refused", "dies"):
        farm.jobs.enqueue(kind, {"text": "geheim"} if kind == "logs" else {}, max_attempts=1)
    supervised = start(farm, "--drain", "--log-format", "json", "--log-level", "debug")
    supervised.wait()
    seen = {(line["event"], line.get("kind")) for line in lines(supervised) if "event" in line}

    assert seen >= {
        ("farm.starting", None), ("host.joined", None), ("farm.drained", None), ("host.left", None),
        ("job.started", "logs"), ("job.done", "logs"), ("job.dead", "refused"), ("job.dead", "dies"),
        ("worker.died", None),
    }  # fmt: skip
    assert not [line for line in lines(supervised) if "geheim" in line["message"] and line["logger"] != "a.library"]


def test_the_level_is_chosen(farm: Farm) -> None:
    farm.jobs.enqueue("refused", {}, max_attempts=1)
    supervised = start(farm, "--drain", "--log-format", "json", "--log-level", "error")
    supervised.wait()

    assert lines(supervised) == []
