"""A machine that is suspended, or a supervisor that is stopped, takes nobody for late and kills nobody."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from forge_jobs import Job
from tests.support.farm import Farm, Supervised, eventually, noted

pytestmark = pytest.mark.processes

APPLICATION = "limited_application:jobs"
LIMIT = 2.0
"""The time limit of the application's ``work``, in seconds."""

PAUSE = 3.0


def pause(pids: Sequence[int]) -> None:
    """Stop these processes for longer than any of their jobs may take, all at once as far as that is possible."""

    def go_on() -> None:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    end = threading.Timer(PAUSE, go_on)
    end.start()
    end.join()


def started(farm: Farm, path: Path, steps: Sequence[int]) -> list[Job]:
    """Store jobs that take so many steps, and wait until each has done some."""
    jobs = [farm.jobs.enqueue("work", {"path": str(path), "steps": n}, max_attempts=1) for n in steps]
    eventually(lambda: all(noted(path).count(f"step {job.id}") >= 3 for job in jobs), told="all jobs to be at work")
    return jobs


def took(job: Job) -> float:
    """Return the seconds that an ended job took by the clock on the wall."""
    assert job.started_at
    assert job.finished_at
    return (job.finished_at - job.started_at).total_seconds()


def pids(processes: Sequence[psutil.Process]) -> set[int]:
    return {process.pid for process in processes}


def test_a_suspended_machine_murders_nobody(farm: Farm) -> None:
    supervised = farm.supervise("--queue", "default=3", app=APPLICATION)
    before = pids(supervised.staffed(3))
    (coordinator,) = supervised.children("coordinator")
    in_time, too_slow = started(farm, farm.directory / "steps", [16, 1_000_000])
    pause([supervised.pid, coordinator.pid, *sorted(before)])
    assert farm.jobs.enqueue("noop").result(timeout=60) is None
    farm.ended(in_time)
    assert (in_time.status, in_time.attempts, in_time.error_history) == ("done", 1, ())
    assert took(in_time) > PAUSE
    eventually(lambda: "this process stood still" in supervised.log, told="the supervisor to notice its pause")
    _ends_by_its_limit(farm, supervised, too_slow, before)
    assert pids(supervised.children("coordinator")) == {coordinator.pid}
    assert "is killed" not in supervised.log


def test_a_stopped_supervisor_takes_nobody_for_late(farm: Farm) -> None:
    """Meanwhile the others work on, and their jobs' ends are recorded."""
    supervised = farm.supervise("--queue", "default=3", app=APPLICATION)
    before = pids(supervised.staffed(3))
    (coordinator,) = supervised.children("coordinator")
    in_time, too_slow = started(farm, farm.directory / "steps", [16, 1_000_000])
    pause([supervised.pid])
    assert in_time.refresh().status == "done"
    assert took(in_time) < PAUSE
    assert farm.jobs.enqueue("noop").result(timeout=60) is None
    _ends_by_its_limit(farm, supervised, too_slow, before)
    assert pids(supervised.children("coordinator")) == {coordinator.pid}
    assert "is killed" not in supervised.log


def _ends_by_its_limit(farm: Farm, supervised: Supervised, job: Job, before: set[int]) -> None:
    """Assert that a job had the whole of its time besides the pause, and that nobody else left."""
    farm.ended(job)
    (entry,) = job.error_history
    assert (entry.cause, entry.exit_signal) == ("timeout", None)
    assert took(job) > LIMIT + PAUSE - 0.5  # what lay between its last look at the clock and the pause is not known
    assert entry.pid in before
    eventually(lambda: entry.pid not in pids(supervised.workers()), told="the worker that was stopped to leave")
    assert before - pids(supervised.staffed(3)) == {entry.pid}
