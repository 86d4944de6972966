"""Handlers that behave badly: only their own job is affected."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil
import pytest

from forge_jobs import Job
from forge_jobs.model.queue import QueueSettings
from tests.support.farm import Farm, Supervised, eventually, gone, noted

pytestmark = pytest.mark.processes

APPLICATION = "rude_application:jobs"
DEADLY = {
    "segfault": ("crashed", "SIGSEGV", None),
    "SIGKILL": ("crashed", "SIGKILL", None),
    "exit": ("crashed", None, 7),
    "closed descriptors": ("crashed", None, 71),
}
"""What a job does to its worker, and what is recorded of it: cause, signal, exit code.

No job of this kind ends well, so it never counts as short, and none is started on top of a result that is not recorded.
"""

LEFT_BEHIND = [
    "closed streams",
    "dirty stdout",
    "fork",
    "multiprocessing",
    "threads",
    "changed signals",
    "ignored signals",
    "blocked signals",
    "alarm",
    "alarm that raises",
    "profiling alarm",
    "another group",
    "another session",
    "another directory",
    "cycles",
    "niceness",
    "out of turn",
    "recursion limit",
]
"""What a job that ends well may leave to the next one in its worker."""

UNHEARING = ["changed signals", "ignored signals", "blocked signals"]


def rude(farm: Farm, how: str, kind: str = "be_rude", attempts: int = 1) -> Job:
    """Store a job that behaves badly."""
    return farm.jobs.enqueue(kind, {"how": how, "path": str(farm.directory / "rude")}, max_attempts=attempts)


def neighbours(farm: Farm, count: int = 50) -> list[Job]:
    """Store jobs that nothing is to happen to."""
    payload = {"path": str(farm.directory / "neighbours"), "seconds": 0.004}
    return farm.jobs.enqueue_bulk([("look_round", payload)] * count)


def begun(farm: Farm, name: str, what: str) -> None:
    """Wait until a job has noted that it is there."""
    eventually(lambda: what in noted(farm.directory / name), told=f"{what!r} in {name}")


def harm(farm: Farm, jobs: list[Job]) -> set[object]:
    """Return what has happened to neighbours; nothing, if all ran once and well."""
    farm.ended(*jobs)
    well = ("done", 1, ())
    seen = [(j.status, j.attempts, tuple((e.cause, e.message) for e in j.error_history)) for j in jobs]
    return {what for what in seen if what != well}


def test_a_job_that_kills_its_worker_ends_dead_and_harms_nobody(farm: Farm) -> None:
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default", backoff_enabled=False))
    killers, others = {}, []
    for how in DEADLY:
        killers[how] = rude(farm, how, attempts=2)
        others += neighbours(farm, 20)
    deep = farm.jobs.enqueue("overflow", {}, max_attempts=1)
    leaving = farm.jobs.enqueue("leave", {}, max_attempts=1)
    supervised = farm.supervise(workers=3, app=APPLICATION)
    farm.ended(deep, leaving, *killers.values())
    assert harm(farm, others) == set()
    assert len(noted(farm.directory / "neighbours")) == len(others)
    assert {job.status for job in killers.values()} == {"dead"}
    assert {how: [(e.cause, e.exit_signal, e.exit_code) for e in j.error_history] for how, j in killers.items()} == {
        how: [told] * 2 for how, told in DEADLY.items()
    }
    entries = [e for job in killers.values() for e in job.error_history]
    assert all(e.cpu_seconds is not None and e.wall_seconds is not None for e in entries)
    assert all(e.peak_memory is not None and e.peak_memory > 2**20 for e in entries)
    crashes = {how: job.error_history[0].message for how, job in killers.items()}
    assert "killed by SIGSEGV" in crashes["segfault"]
    assert "exit code 7" in crashes["exit"]
    assert "closed the worker's file descriptors" in crashes["closed descriptors"]
    assert [(e.cause, e.message) for e in leaving.error_history] == [("error", "SystemExit: 5")]
    (entry,) = deep.error_history
    assert (entry.cause, entry.exit_signal) in [("crashed", "SIGSEGV"), ("error", None)]  # by the version of Python
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0


def another_worker(supervised: Supervised, pid: int) -> int:
    """Wait until the one worker is not this one; return its pid."""
    eventually(lambda: [w.pid for w in supervised.workers()] not in ([], [pid]), told="another worker")
    return int(supervised.staffed(1)[0].pid)


def replace(supervised: Supervised, pid: int) -> None:
    """Let the one worker go, if it is still there, and wait for another."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    another_worker(supervised, pid)


def test_what_a_job_leaves_behind_harms_nobody(farm: Farm) -> None:
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default", backoff_enabled=False))
    supervised = farm.supervise("--queue", "default=1", app=APPLICATION)
    at_first = neighbours(farm, 1)[0].result(timeout=60)
    harmed = []
    for how in LEFT_BEHIND:
        worker = supervised.staffed(1)[0].pid
        job = rude(farm, how)
        farm.ended(job)
        assert job.status == "done", (how, job.error_history)
        others = neighbours(farm)
        harmed += [f"{how}: {what}" for what in harm(farm, others)]
        found = [job.value for job in others if job.status == "done"]
        harmed += [f"{how}: {key}" for key in at_first if any(value[key] != at_first[key] for value in found)]
        replace(supervised, worker)
    family = [p.pid for p in psutil.Process(supervised.pid).children(recursive=True)]
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    eventually(lambda: all(gone(pid) for pid in family), told="everybody to be gone")
    assert not harmed, "\n".join(harmed)


def test_a_worker_hears_again_after_a_job_that_stopped_its_ears(farm: Farm) -> None:
    supervised = farm.supervise("--queue", "default=1", app=APPLICATION)
    for how in UNHEARING:
        worker = supervised.staffed(1)[0].pid
        path = farm.directory / f"begun {how}"
        farm.ended(rude(farm, how))
        job = farm.jobs.enqueue("compute_for_ever", {"path": str(path)})
        begun(farm, path.name, "begun")
        assert job.cancel() == "requested"
        farm.ended(job)
        (entry,) = job.error_history
        assert (entry.cause, entry.exit_signal, entry.pid) == ("cancelled", None, worker)
        another_worker(supervised, worker)


@pytest.mark.parametrize("how", ["another group", "another session"])
def test_nobody_escapes_by_leaving_the_workers_group(farm: Farm, how: str) -> None:
    supervised = farm.supervise("--queue", "default=1", "--grace", "0.1", app=APPLICATION)
    job = rude(farm, how, kind="be_rude_for_ever")
    begun(farm, "rude", how)
    assert job.cancel() == "requested"
    eventually(lambda: job.refresh().status == "dead", within=10, told="the job to be stopped")
    assert [(e.cause, e.exit_signal) for e in job.error_history] == [("cancelled", "SIGKILL")]
    assert harm(farm, neighbours(farm)) == set()
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0


def test_who_cannot_hear_is_killed_when_the_grace_is_over(farm: Farm) -> None:
    ways = [*UNHEARING, "closed descriptors", "closed streams", "threads", "multiprocessing"]
    supervised = farm.supervise("--queue", f"default={len(ways)}", app=APPLICATION)
    jobs = {how: rude(farm, how, kind="be_rude_for_ever") for how in ways}
    eventually(lambda: set(noted(farm.directory / "rude")) == set(ways), told="all to be in C code")
    family = psutil.Process(supervised.pid).children(recursive=True)
    (coordinator,) = supervised.children("coordinator")
    assert {job.cancel() for job in jobs.values()} == {"requested"}
    farm.ended(*jobs.values())
    assert {how: [(e.cause, e.exit_signal) for e in job.error_history] for how, job in jobs.items()} == {
        how: [("cancelled", "SIGKILL")] for how in ways
    }
    stopped = [p.pid for p in family if p.pid != coordinator.pid]
    eventually(lambda: all(gone(pid) for pid in stopped), told="workers and what they started to be gone")


def test_a_worker_that_did_not_hear_that_it_should_leave_leaves_all_the_same(farm: Farm) -> None:
    """The queue has fewer workers from now on, and the signal came while a handler ignored it."""
    supervised = farm.supervise("--queue", "default=2", app=APPLICATION)
    path, go = farm.directory / "begun", farm.directory / "go"
    payloads = [{"path": str(path), "name": name, "go": str(go)} for name in ("one", "two")]
    jobs = farm.jobs.enqueue_bulk([("be_deaf_until", payload) for payload in payloads])
    eventually(lambda: len(noted(path)) == 2, told="both workers to be deaf")
    farm.jobs.set_queue("default", max_workers=1)
    eventually(lambda: "1 of 2 workers leave" in supervised.log, told="one of them to be told")
    go.touch()
    farm.ended(*jobs)
    assert {(job.status, job.attempts) for job in jobs} == {("done", 1)}
    assert harm(farm, neighbours(farm)) == set()
    eventually(lambda: len(supervised.workers()) == 1, within=10, told="one worker to be left")


def ended_soon(jobs: list[Job]) -> bool:
    try:
        eventually(lambda: all(job.refresh().status in ("done", "dead") for job in jobs), within=10)
    except AssertionError:
        return False
    return True
