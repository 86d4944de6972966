"""Fewer and more workers, pauses, and workers that are replaced in time."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.farm import Farm, Supervised, eventually

pytestmark = pytest.mark.processes


def pids(supervised: Supervised) -> set[int]:
    return {worker.pid for worker in supervised.workers()}


def test_a_cap_lets_the_idlest_leave_and_interrupts_nobody(farm: Farm) -> None:
    go = farm.directory / "go"
    running = farm.jobs.enqueue_bulk([("wait_for", {"path": str(go)})] * 2)
    supervised = farm.supervise("--queue", "default=4")
    busy = {supervised.worker_of(job).pid for job in running}
    farm.jobs.set_queue("default", max_workers=2)
    eventually(lambda: pids(supervised) == busy, told="the idle ones to leave")
    farm.jobs.set_queue("default", max_workers=1)
    go.touch()
    farm.ended(*running)
    assert {(job.status, job.attempts) for job in running} == {("done", 1)}
    eventually(lambda: len(pids(supervised)) == 1, told="one worker")
    farm.jobs.set_queue("default", max_workers=0)
    eventually(lambda: not pids(supervised), told="no worker")
    waiting = farm.jobs.enqueue("noop")
    farm.jobs.set_queue("default", max_workers=None)
    assert waiting.result(timeout=30) is None
    eventually(lambda: len(pids(supervised)) == 4, told="all four")


def test_a_cap_is_shared_by_the_hosts_that_serve_the_queue(farm: Farm) -> None:
    one, other = farm.supervise("--queue", "default=3"), farm.supervise("--queue", "default=3")
    farm.jobs.enqueue("noop")
    eventually(lambda: len(pids(one)) + len(pids(other)) == 6, told="six workers")
    farm.jobs.set_queue("default", max_workers=3)
    eventually(lambda: len(pids(one)) + len(pids(other)) == 3, told="three workers in all")
    assert {len(pids(one)), len(pids(other))} == {1, 2}
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    eventually(lambda: len(pids(other)) == 3, told="the other host to take all of the cap")


def test_a_paused_queue_claims_nothing_until_it_is_resumed(farm: Farm) -> None:
    go = farm.directory / "go"
    running = farm.jobs.enqueue("wait_for", {"path": str(go)})
    other = farm.supervise("--queue", "default=2", "--queue", "other=1")
    other.worker_of(running)
    farm.jobs.pause_queue("default")
    waiting = farm.jobs.enqueue("noop")
    assert farm.jobs.enqueue("on_other_queue", queue="other").result(timeout=30) == "other"
    go.touch()
    farm.ended(running)
    assert (running.status, waiting.refresh().status, waiting.attempts) == ("done", "pending", 0)
    farm.jobs.resume_queue("default")
    assert waiting.result(timeout=30) is None


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_worker_leaves_after_its_number_of_jobs(farm: Farm) -> None:
    notes = farm.directory / "notes"
    jobs = farm.jobs.enqueue_bulk([("note", {"path": str(notes)})] * 60)
    assert farm.supervise("--drain", "--max-jobs-per-worker", "10", workers=2).wait() == 0
    assert {(job.refresh().status, job.attempts) for job in jobs} == {("done", 1)}
    by_worker = [line.split()[1] for line in lines(notes)]
    counts = {pid: by_worker.count(pid) for pid in set(by_worker)}
    assert max(counts.values()) == 10
    assert len(counts) >= 6


def test_one_job_for_each_worker(farm: Farm) -> None:
    notes = farm.directory / "notes"
    farm.jobs.enqueue_bulk([("note", {"path": str(notes)})] * 12)
    assert farm.supervise("--drain", "--max-jobs-per-worker", "1", workers=2).wait() == 0
    assert len({line.split()[1] for line in lines(notes)}) == 12


def test_old_workers_are_replaced_one_at_a_time(farm: Farm) -> None:
    supervised = farm.supervise("--max-worker-age", "1", "--queue", "default=3")
    first = {worker.pid for worker in supervised.up(3)}
    fewest = 3

    def all_new() -> bool:
        nonlocal fewest
        now = pids(supervised)
        fewest = min(fewest, len(now))
        return not now & first

    eventually(all_new, told="new workers only")
    assert fewest >= 1
    assert farm.jobs.enqueue("noop").result(timeout=30) is None
    assert "died" not in supervised.log


def test_a_worker_that_keeps_memory_is_replaced(farm: Farm) -> None:
    (farm.directory / "hoarder.py").write_text(
        "from forge_jobs import ForgeJobs\njobs = ForgeJobs()\nkept = []\n"
        "@jobs.handler\ndef hoard(): kept.append(bytearray(b'x' * 80_000_000))\n"
    )
    supervised = farm.supervise("--max-worker-memory", "60MB", workers=1, app="hoarder:jobs")
    (worker,) = supervised.up(1)
    job = farm.jobs.enqueue("hoard")
    eventually(lambda: pids(supervised) not in (set(), {worker.pid}), told="another worker")
    assert (job.refresh().status, job.attempts) == ("done", 1)


def test_a_pid_of_a_worker_that_left_is_not_signalled(farm: Farm) -> None:
    supervised = farm.supervise("--queue", "default=2")
    supervised.up(2)
    farm.jobs.set_queue("default", max_workers=1)
    eventually(lambda: len(pids(supervised)) == 1, told="one worker")
    (left,) = pids(supervised)
    os.kill(left, signal.SIGKILL)
    eventually(lambda: pids(supervised) not in (set(), {left}), told="another worker")
    eventually(lambda: len(pids(supervised)) == 1, told="one worker, not two")
