"""Limits hold: of time, of memory, and of the time until which a job is worth starting."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from forge_jobs import Job
from forge_jobs.model.queue import QueueSettings
from tests.support.farm import Farm, Supervised, eventually, noted

pytestmark = pytest.mark.processes

APPLICATION = "limited_application:jobs"
CGROUPS = Path("/sys/fs/cgroup/memory")
MEBIBYTE = 2**20
GRACE = 0.3
"""Of the application's handlers."""


def neighbours(farm: Farm, count: int = 50, **options: object) -> list[Job]:
    """Store jobs that nothing is to happen to."""
    payload = {"path": str(farm.directory / "neighbours"), "text": "neighbour"}
    return farm.jobs.enqueue_bulk([("note", payload, options)] * count)


def untouched(farm: Farm, jobs: list[Job]) -> None:
    """Assert that each has run once, and well."""
    farm.ended(*jobs)
    assert {(job.status, job.attempts, job.error_history) for job in jobs} == {("done", 1, ())}
    assert len(noted(farm.directory / "neighbours")) == len(jobs)


def no_backoff(farm: Farm) -> None:
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default", backoff_enabled=False))


def test_a_job_that_takes_too_long_is_stopped_and_tried_again_by_policy(farm: Farm) -> None:
    no_backoff(farm)
    path = farm.directory / "runs"
    places = ["loop", "sleep", "C code", "at first"]
    jobs = {
        place: farm.jobs.enqueue("too_slow", {"path": str(path), "where": place}, max_attempts=2) for place in places
    }
    farm.supervise(workers=6, app=APPLICATION)
    others = neighbours(farm)
    farm.ended(*jobs.values())
    untouched(farm, others)
    twice = [("timeout", None)] * 2
    assert {place: [(e.cause, e.exit_signal) for e in job.error_history] for place, job in jobs.items()} == {
        "loop": twice,
        "sleep": twice,
        "C code": [("timeout", "SIGKILL")] * 2,
        "at first": [("timeout", None)],
    }
    assert {place: job.status for place, job in jobs.items()} == {
        **dict.fromkeys(places, "dead"),
        "at first": "done",
    }
    entries = [e for job in jobs.values() for e in job.error_history]
    assert all("ran longer than its limit of 0.3 s" in e.message for e in entries)
    took = {place: min(e.wall_seconds or 0.0 for e in job.error_history) for place, job in jobs.items()}
    assert min(took.values()) > 0.25  # the limit runs from a little before the handler does
    assert took["C code"] > 0.25 + GRACE
    assert sorted(noted(path)) == sorted(place for place, job in jobs.items() for _ in range(job.attempts))
    assert {job.attempts for job in jobs.values()} == {2}


def test_the_time_limit_of_one_job_stands_above_its_handlers(farm: Farm) -> None:
    path = farm.directory / "steps"
    longer = farm.jobs.enqueue("half_a_second", {}, timeout=600)
    shorter = farm.jobs.enqueue("for_ever", {"path": str(path)}, timeout=0.4, max_attempts=1)
    farm.supervise(app=APPLICATION)
    farm.ended(longer, shorter)
    assert (longer.status, longer.value) == ("done", "in time")
    assert [(e.cause, e.attempt) for e in shorter.error_history] == [("timeout", 1)]
    assert "limit of 0.4 s" in shorter.error_history[0].message
    assert noted(path)


def test_a_job_that_has_expired_is_never_started(farm: Farm) -> None:
    """Too late before anybody could take it, too late behind a long job, and too late for another try."""
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default", backoff_base=3600.0, backoff_max=3600.0))
    go, path = farm.directory / "go", farm.directory / "neighbours"
    note = {"path": str(path), "text": "neighbour"}
    now = datetime.now(UTC)
    soon = now + timedelta(seconds=2)
    again = farm.jobs.enqueue("fail", {}, expires_at=soon, priority=-9)
    long = farm.jobs.enqueue("wait_for", {"path": str(go)}, priority=-5)
    late = [
        farm.jobs.enqueue("note", note, expires_at=now - timedelta(seconds=1)),
        farm.jobs.enqueue("note", note, expires_at=soon),
        farm.jobs.enqueue("note", note, expires_at=soon, delay=3600),
    ]
    in_time = farm.jobs.enqueue("note", note, expires_at=now + timedelta(hours=1))
    farm.supervise("--queue", "default=1", app=APPLICATION)
    farm.ended(again, *late)
    go.touch()
    farm.ended(long, in_time)
    assert [(job.status, job.attempts) for job in (again, *late)] == [("dead", 1), *[("dead", 0)] * 3]
    assert [[e.cause for e in job.error_history] for job in late] == [["expired"]] * 3
    assert [e.cause for e in again.error_history] == ["error", "expired"]
    assert (in_time.status, noted(path)) == ("done", ["neighbour"])


def test_a_job_that_takes_too_much_memory_is_stopped_and_nobody_else(farm: Farm) -> None:
    path = farm.directory / "runs"
    supervised = farm.supervise(workers=4, app=APPLICATION)
    kinds = ["take_slowly", "take_quickly", "take_at_once", "take_and_clean_up"]
    jobs = {kind: farm.jobs.enqueue(kind, {"path": str(path)}, max_attempts=1) for kind in kinds}
    allowed = farm.jobs.enqueue("take_what_is_allowed")
    others = neighbours(farm)
    farm.ended(allowed, *jobs.values())
    untouched(farm, others)
    assert (allowed.status, allowed.value) == ("done", 150)
    assert {kind: [e.cause for e in job.error_history] for kind, job in jobs.items()} == {
        kind: ["out_of_memory"] for kind in kinds
    }
    used = {kind: _figures(job) for kind, job in jobs.items()}
    assert {limit for _used, limit in used.values()} == {256.0}
    assert used["take_slowly"][0] <= used["take_slowly"][1] * 1.15
    assert all(use > limit for use, limit in used.values())
    assert noted(path) == ["JobOutOfMemory"]
    peak = jobs["take_slowly"].error_history[0].peak_memory
    assert peak is not None
    assert peak > 256 * 10**6
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0


def _figures(job: Job) -> tuple[float, float]:
    """Return what the message says that a job used, and its limit: mebibytes."""
    (entry,) = job.error_history
    found = re.search(r"used ([\d.]+) MiB more than its idle worker; its limit is ([\d.]+) MiB", entry.message)
    assert found, entry.message
    return float(found[1]), float(found[2])


def test_a_queue_has_a_memory_limit_for_handlers_without_one(farm: Farm) -> None:
    settings = QueueSettings(name="narrow", memory_limit=64 * MEBIBYTE)
    farm.jobs.storage.queue_config.ensure_queue(settings)
    path = farm.directory / "runs"
    wide = farm.jobs.enqueue("take_more_on_narrow", {}, queue="narrow")
    narrow = farm.jobs.enqueue("take_on_narrow", {"path": str(path)}, queue="narrow", max_attempts=1)
    farm.supervise("--queue", "narrow=1", app=APPLICATION)
    farm.ended(wide, narrow)
    assert (wide.status, wide.value) == ("done", 128 * MEBIBYTE)
    assert [e.cause for e in narrow.error_history] == ["out_of_memory"]
    assert _figures(narrow)[1] == 64
    assert not path.exists()


@pytest.fixture
def small_cgroup() -> Iterator[Path]:
    """A memory cgroup of this test's own, with little memory."""
    group = CGROUPS / f"forge-jobs-test-{psutil.Process().pid}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(400 * MEBIBYTE))
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        pytest.skip(f"no memory cgroup can be made here: {error}")
    yield group
    eventually(lambda: not (group / "cgroup.procs").read_text(), told="the cgroup to be empty")
    group.rmdir()


def _move(supervised: Supervised, group: Path) -> None:
    """Put a farm into a cgroup; who is born later is born there."""
    for process in (psutil.Process(supervised.pid), *psutil.Process(supervised.pid).children()):
        (group / "cgroup.procs").write_text(str(process.pid))


def test_the_kernels_own_kill_is_named(small_cgroup: Path, farm: Farm) -> None:
    supervised = farm.supervise("--queue", "default=2", app=APPLICATION)
    supervised.staffed(2)
    _move(supervised, small_cgroup)
    job = farm.jobs.enqueue("take_everything", {"path": str(farm.directory / "runs")}, max_attempts=1)
    others = neighbours(farm)
    farm.ended(job)
    untouched(farm, others)
    (entry,) = job.error_history
    assert (entry.cause, entry.exit_signal) == ("out_of_memory", "SIGKILL")
    assert "the kernel" in entry.message
    assert re.search(r"its peak was [\d.]+ MiB", entry.message)
    assert entry.peak_memory is not None
    assert entry.peak_memory > 200 * MEBIBYTE
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
