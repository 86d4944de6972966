"""A machine that is suspended, or a supervisor that is stopped, takes nobody for late and kills nobody."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from forge_jobs import Job
from tests.support.farm import PATIENCE, Farm, Supervised, eventually, farms, noted

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


def took(job: Job) -> float:
    """Return the seconds that an ended job took by the clock on the wall."""
    assert job.started_at
    assert job.finished_at
    return (job.finished_at - job.started_at).total_seconds()


def pids(processes: Sequence[psutil.Process]) -> set[int]:
    return {process.pid for process in processes}


class Host:
    """One farm with a job that ends within its limit, if it gets its time, and one that does not."""

    def __init__(self, farm: Farm) -> None:
        self.farm = farm
        self.supervised: Supervised = farm.supervise("--queue", "default=3", app=APPLICATION)
        self.workers = pids(self.supervised.staffed(3))
        (self.coordinator,) = self.supervised.children("coordinator")

    def begin(self) -> None:
        """Store the two jobs: one takes eight tenths of a second."""
        self._path = self.farm.directory / "steps"
        self.in_time, self.too_slow = (
            self.farm.jobs.enqueue("work", {"path": str(self._path), "steps": steps}, max_attempts=1)
            for steps in (16, 1_000_000)
        )

    def is_at_work(self) -> bool:
        """Return whether both jobs have done some steps."""
        return all(noted(self._path).count(f"step {job.id}") >= 3 for job in (self.in_time, self.too_slow))

    def still_works(self) -> None:
        """Assert that it takes work, and that it noticed its pause."""
        assert self.farm.jobs.enqueue("noop").result(timeout=PATIENCE) is None
        eventually(lambda: "this process stood still" in self.supervised.log, told="the supervisor to notice its pause")

    def has_killed_nobody(self) -> None:
        """Assert that the slow job had the whole of its time besides the pause, and that nobody else was stopped."""
        self.farm.ended(self.in_time, self.too_slow)
        assert (self.in_time.status, self.in_time.attempts, self.in_time.error_history) == ("done", 1, ())
        (entry,) = self.too_slow.error_history
        assert (entry.cause, entry.exit_signal) == ("timeout", None)
        assert took(self.too_slow) > LIMIT + PAUSE - 0.5  # the pause began a little after the last look at the clock
        supervised = self.supervised
        eventually(lambda: entry.pid not in pids(supervised.workers()), told="the worker that was stopped to leave")
        assert self.workers - pids(supervised.staffed(3)) == {entry.pid}
        assert pids(supervised.children("coordinator")) == {self.coordinator.pid}
        assert "is killed" not in supervised.log


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Farm]:
    directory = tmp_path / "other"
    directory.mkdir()
    yield from farms(directory)


def test_a_suspended_machine_murders_nobody_nor_does_a_stopped_supervisor(farm: Farm, other: Farm) -> None:
    """All processes of one farm are stopped; of the other one its supervisor, while the rest works on."""
    suspended, halted = hosts = Host(farm), Host(other)
    for host in hosts:
        host.begin()
    eventually(lambda: all(host.is_at_work() for host in hosts), told="all jobs to be at work")
    pause([suspended.supervised.pid, suspended.coordinator.pid, *sorted(suspended.workers), halted.supervised.pid])
    assert halted.in_time.refresh().status == "done"
    for host in hosts:
        host.still_works()
        host.has_killed_nobody()
    assert took(halted.in_time) < PAUSE < took(suspended.in_time)
