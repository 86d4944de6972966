"""A farm does its work: real forks, real signals, one database file."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from forge_jobs import JobFailed
from tests.support.farm import Farm, eventually

pytestmark = pytest.mark.processes


def test_a_job_enqueued_before_the_start_is_done(farm: Farm) -> None:
    job = farm.jobs.enqueue("noop")
    supervised = farm.supervise()
    assert job.result(timeout=30) is None
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0


def test_a_job_enqueued_while_workers_are_idle_is_picked_up(farm: Farm) -> None:
    farm.supervise().up(2)
    assert farm.jobs.enqueue("note", {"path": str(farm.directory / "n"), "text": "hello"}).result(timeout=30) == "hello"


def test_two_supervisors_with_disjoint_queues_serve_their_own(farm: Farm) -> None:
    one = farm.supervise("--queue", "default=1")
    two = farm.supervise("--queue", "other=1")
    assert farm.jobs.enqueue("on_other_queue", {}, queue="other").result(timeout=30) == "other"
    assert farm.jobs.enqueue("noop").result(timeout=30) is None
    eventually(lambda: len(farm.jobs.storage.registry.workers()) == 2)
    serving = {(host.pid, worker.queue) for host, worker in farm.jobs.storage.registry.workers()}
    assert serving == {(one.pid, "default"), (two.pid, "other")}


def test_a_drain_leaves_when_nothing_is_left_and_sums_up(farm: Farm) -> None:
    farm.jobs.enqueue_bulk([("noop", {})] * 500)
    later = farm.jobs.enqueue("noop", {}, run_at=datetime.now(UTC) + timedelta(hours=1))
    supervised = farm.supervise("--drain")
    assert "done 500, attempts tried again 0, dead 0" in supervised.output()
    assert supervised.wait() == 0
    assert later.refresh().status == "pending"
    assert farm.jobs.counts()["default"].done == 500


def test_a_drain_waits_for_retries_and_fails_where_a_job_ended_dead(farm: Farm) -> None:
    settings = farm.jobs.storage.queue_config
    from forge_jobs.model.queue import QueueSettings

    settings.ensure_queue(QueueSettings(name="default", backoff_base=1.0, backoff_max=1.0))
    job = farm.jobs.enqueue("fail", {}, max_attempts=2)
    supervised = farm.supervise("--drain")
    assert "done 0, attempts tried again 1, dead 1" in supervised.output()
    assert supervised.wait() == 1
    assert [entry.cause for entry in job.refresh().error_history] == ["error", "error"]
    with pytest.raises(JobFailed, match="RuntimeError: broken"):
        job.result(timeout=1)


def test_a_job_starts_when_its_time_has_come(farm: Farm) -> None:
    farm.supervise().up(2)
    due = datetime.now(UTC) + timedelta(seconds=1)
    started = farm.jobs.enqueue("record_time", {}, run_at=due).result(timeout=30)
    assert started >= due.timestamp()
    assert started - due.timestamp() < 5  # far more than it takes; the benchmark has the figure


def test_a_kind_that_nobody_knows_waits_and_is_reported_and_holds_up_nobody(farm: Farm) -> None:
    strange = farm.jobs.enqueue_bulk([("unheard_of", {})] * 50)
    known = farm.jobs.enqueue("noop")
    supervised = farm.supervise("--drain")
    assert supervised.wait() == 0
    assert known.refresh().status == "done"
    assert {job.refresh().status for job in strange} == {"pending"}
    assert "50 of kind unheard_of in queue default" in supervised.log


def test_throttled_and_snoozed_jobs_come_back_with_their_attempt(farm: Farm) -> None:
    throttled = farm.jobs.enqueue("throttled_once", {"mark": str(farm.directory / "t")})
    snoozed = farm.jobs.enqueue("snoozed_once", {"mark": str(farm.directory / "s")})
    farm.supervise()
    assert throttled.result(timeout=30) == "let through"
    assert snoozed.result(timeout=30) == 1
    assert throttled.refresh().attempts == 1
    assert throttled.error_history == ()


def test_a_handler_enqueues_and_reports_progress(farm: Farm) -> None:
    first = farm.jobs.enqueue("chain", {"left": 2})
    farm.supervise("--drain").wait()
    second = farm.jobs.get(first.refresh().value)
    assert farm.jobs.get(second.value).value == "end"


@pytest.mark.parametrize("which", ["nul", "surrogate result", "nan", "cut off", "big", "error"])
def test_what_cannot_be_stored_blocks_nobody(farm: Farm, which: str) -> None:
    odd = farm.jobs.enqueue("odd_texts", {"which": which}, max_attempts=1)
    fine = farm.jobs.enqueue_bulk([("noop", {})] * 20)
    farm.supervise("--drain").wait()
    assert odd.refresh().status == ("done" if which == "nul" else "dead")
    assert {job.refresh().status for job in fine} == {"done"}


def test_without_preload_each_worker_imports_the_application(farm: Farm) -> None:
    job = farm.jobs.enqueue("noop")
    supervised = farm.supervise("--drain", "--no-preload")
    assert supervised.wait() == 0
    assert job.refresh().status == "done"


def test_a_bulk_wakes_as_many_workers_as_there_are_jobs(farm: Farm) -> None:
    farm.supervise(workers=4).up(4)
    go = farm.directory / "go"
    jobs = farm.jobs.enqueue_bulk([("wait_for", {"path": str(go)})] * 4)
    eventually(lambda: {job.refresh().status for job in jobs} == {"in_progress"}, told="four jobs at once")
    go.touch()
    farm.ended(*jobs)


def test_titles_say_who_is_who(farm: Farm) -> None:
    supervised = farm.supervise(workers=1)
    supervised.up(1)
    go = farm.directory / "go"
    job = farm.jobs.enqueue("wait_for", {"path": str(go)})
    worker = supervised.worker_of(job)
    assert " ".join(worker.cmdline()).startswith(f"forge-jobs: worker default #1 · wait_for {job.id}")
    assert " ".join(psutil.Process(supervised.pid).cmdline()).startswith("forge-jobs: supervisor default")
    assert len(supervised.children("coordinator")) == 1
    go.touch()


def test_long_jobs_do_not_hold_short_ones_hostage(farm: Farm) -> None:
    """A worker that held short jobs when a long one came gives them back."""
    go = farm.directory / "go"
    farm.jobs.enqueue_bulk([("noop", {})] * 400)
    farm.supervise("--drain", workers=1).wait()
    supervised = farm.supervise(workers=2)
    supervised.up(2)
    jobs = farm.jobs.enqueue_bulk([("noop", {})] * 300 + [("wait_for", {"path": str(go)})] + [("noop", {})] * 300)
    farm.ended(*jobs[:300], *jobs[301:])
    assert jobs[300].refresh().status == "in_progress"
    go.touch()
    farm.ended(jobs[300])
    assert all(job.refresh().attempts == 1 for job in jobs)


def test_the_effective_configuration_is_printed(farm: Farm) -> None:
    supervised = farm.supervise("--drain")
    supervised.wait()
    assert str(farm.directory / "queue.sqlite") in supervised.log
    assert "FORGE_DATABASE_URL" in supervised.log


def test_json_logs_are_one_object_a_line(farm: Farm) -> None:
    import json

    farm.jobs.enqueue("fail", {}, max_attempts=1)
    supervised = farm.supervise("--drain", "--log-format", "json")
    supervised.wait()
    lines = [json.loads(line) for line in supervised.log.splitlines()]
    assert any(line.get("kind") == "fail" and "RuntimeError: broken" in line["message"] for line in lines)


def test_a_progress_bar_is_no_thread(farm: Farm, tmp_path: Path) -> None:
    farm.jobs.enqueue_bulk([("noop", {})] * 50)
    supervised = farm.supervise("--drain", "--progress")
    assert supervised.wait() == 0, supervised.log
