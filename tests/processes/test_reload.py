"""SIGHUP: new code without a gap, or the old code goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from forge_jobs import Job
from tests.support.farm import Farm, Supervised, eventually

pytestmark = pytest.mark.processes

VERSIONED = """
import os, time
from pathlib import Path
from forge_jobs import ForgeJobs

jobs = ForgeJobs()

@jobs.handler
def version() -> int:
    return {version}

@jobs.handler
def wait_for(path: Path) -> int:
    while not path.exists():
        time.sleep(0.005)
    return {version}
"""


def write(farm: Farm, version: int, more: str = "") -> None:
    (farm.directory / "versioned.py").write_text(VERSIONED.format(version=version) + more)


def start(farm: Farm, *options: str, workers: int = 2) -> Supervised:
    write(farm, 1)
    # a file that is written twice in one second is the same to the interpreter's cache
    farm.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    supervised = farm.supervise(*options, workers=workers, app="versioned:jobs")
    assert farm.jobs.enqueue("version").result(timeout=30) == 1
    return supervised


def runs_version(farm: Farm, version: int) -> None:
    eventually(lambda: farm.jobs.enqueue("version").result(timeout=30) == version, told=f"version {version}")


@pytest.mark.parametrize("preload", ["--preload", "--no-preload"])
def test_new_code_runs_under_the_old_pid_and_nothing_is_interrupted(farm: Farm, preload: str) -> None:
    supervised = start(farm, preload)
    go = farm.directory / "go"
    running = farm.jobs.enqueue("wait_for", {"path": str(go)})
    old = supervised.worker_of(running)
    (host,) = farm.jobs.storage.registry.hosts()
    write(farm, 2)
    supervised.signal(signal.SIGHUP)
    runs_version(farm, 2)
    assert supervised.process.poll() is None
    assert psutil.pid_exists(old.pid), "the old worker finishes its job"
    go.touch()
    assert (running.result(timeout=30), running.refresh().attempts) == (1, 1)
    eventually(lambda: not psutil.pid_exists(old.pid), told="the old worker to leave")
    eventually(lambda: len(supervised.workers()) == 2, told="as many workers as before")
    assert [h.host_id for h in farm.jobs.storage.registry.hosts()] == [host.host_id]
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    assert farm.jobs.storage.registry.hosts() == []


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("raise ValueError('bad setting')", "ValueError: bad setting"),
        ("import os; os._exit(9)", "exit code 9"),
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", "started threads"),
        ("jobs = ForgeJobs('sqlite:///elsewhere.sqlite')", "no handlers"),
        ("jobs._database = 'sqlite:///elsewhere.sqlite'", "names the database"),
    ],
)
def test_code_that_does_not_come_up_leaves_the_old_running_and_says_so(farm: Farm, broken: str, told: str) -> None:
    supervised = start(farm)
    before = {worker.pid for worker in supervised.workers()}
    write(farm, 2, broken)
    supervised.signal(signal.SIGHUP)
    eventually(lambda: "reload refused" in supervised.log, told="the refusal")
    assert told in supervised.log
    runs_version(farm, 1)
    assert {worker.pid for worker in supervised.workers()} == before


def test_jobs_go_on_through_many_reloads(farm: Farm) -> None:
    supervised = start(farm, workers=3)
    jobs: list[Job] = []
    for round_ in range(2, 6):
        write(farm, round_)
        supervised.signal(signal.SIGHUP)
        eventually(lambda seen=round_: supervised.log.count("takes over") == seen - 1, told="the hand-over")
        jobs += farm.jobs.enqueue_bulk([("version", {})] * 200)
        runs_version(farm, round_)
    farm.ended(*jobs)
    assert {(job.status, job.attempts) for job in jobs} == {("done", 1)}
    eventually(lambda: len(supervised.workers()) == 3, told="three workers")
    assert len(supervised.children("coordinator")) == 1


def test_a_worker_that_dies_during_a_reload_has_its_job_settled(farm: Farm) -> None:
    supervised = start(farm)
    never = farm.directory / "never"
    running = farm.jobs.enqueue("wait_for", {"path": str(never)}, max_attempts=1)
    victim = supervised.worker_of(running)
    write(farm, 2, "import time; time.sleep(1.0)\n")
    supervised.signal(signal.SIGHUP)
    eventually(lambda: "takes over" in supervised.log, told="the hand-over")
    os.kill(victim.pid, signal.SIGKILL)
    farm.ended(running)
    assert [(e.cause, e.exit_signal) for e in running.error_history] == [("crashed", "SIGKILL")]
    runs_version(farm, 2)


def test_a_stop_while_the_new_code_is_tried_is_a_stop(farm: Farm) -> None:
    supervised = start(farm)
    write(farm, 2, "time.sleep(30)\n")
    supervised.signal(signal.SIGHUP)
    eventually(lambda: "trying the new code" in supervised.log, told="the try")
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    assert not psutil.Process().children() or all(p.pid != supervised.pid for p in psutil.Process().children())


def test_a_stop_while_the_new_code_takes_over_is_a_stop(farm: Farm) -> None:
    supervised = start(farm)
    write(farm, 2, "time.sleep(1.5)\n")
    supervised.signal(signal.SIGHUP)
    eventually(lambda: "takes over" in supervised.log, told="the hand-over")
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    assert farm.jobs.storage.registry.hosts() == []


def test_a_release_directory_is_followed_by_its_name(farm: Farm, tmp_path: Path) -> None:
    for release, version in (("one", 1), ("two", 2)):
        place = tmp_path / release
        place.mkdir()
        (place / "versioned.py").write_text(VERSIONED.format(version=version))
    current = tmp_path / "current"
    current.symlink_to(tmp_path / "one")
    farm.environment["PWD"] = str(current)
    farm.directory = current
    supervised = farm.supervise(app="versioned:jobs")
    assert farm.jobs.enqueue("version").result(timeout=30) == 1
    (tmp_path / "next").symlink_to(tmp_path / "two")
    (tmp_path / "next").rename(current)
    supervised.signal(signal.SIGHUP)
    runs_version(farm, 2)
