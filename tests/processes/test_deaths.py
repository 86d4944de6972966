"""Kill anybody at any time: nothing is lost, nothing is recorded twice, nobody stays behind."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading

import apsw
import pytest

from tests.support.farm import Farm, eventually, gone

pytestmark = pytest.mark.processes


def test_a_killed_workers_job_runs_again_and_counts_a_crash(farm: Farm) -> None:
    go = farm.directory / "go"
    job = farm.jobs.enqueue("wait_for", {"path": str(go)})
    supervised = farm.supervise()
    victim = supervised.worker_of(job)
    os.kill(victim.pid, signal.SIGKILL)
    eventually(lambda: job.refresh().attempts == 2, within=10, told="the second attempt")
    go.touch()
    farm.ended(job)
    assert job.status == "done"
    (entry,) = job.error_history
    assert (entry.cause, entry.exit_signal, entry.attempt, entry.pid) == ("crashed", "SIGKILL", 1, victim.pid)
    assert entry.cpu_seconds is not None
    assert entry.peak_memory is not None


def test_a_worker_that_dies_idle_is_replaced(farm: Farm) -> None:
    supervised = farm.supervise("--queue", "default=1")
    (victim,) = supervised.up(1)
    os.kill(victim.pid, signal.SIGKILL)
    eventually(lambda: [w.pid for w in supervised.workers()] not in ([], [victim.pid]), told="another worker")
    assert farm.jobs.enqueue("noop").result(timeout=30) is None


@pytest.mark.parametrize(("how", "named"), [("SIGKILL", "SIGKILL"), ("SIGSEGV", "SIGSEGV"), ("SIGABRT", "SIGABRT")])
def test_a_job_that_keeps_killing_workers_ends_dead(farm: Farm, how: str, named: str) -> None:
    job = farm.jobs.enqueue("die", {"how": how}, max_attempts=2)
    neighbours = farm.jobs.enqueue_bulk([("noop", {})] * 50)
    assert farm.supervise("--drain").wait() == 1
    assert job.refresh().status == "dead"
    assert [(e.cause, e.exit_signal) for e in job.error_history] == [("crashed", named)] * 2
    assert {n.refresh().status for n in neighbours} == {"done"}


def test_an_exit_inside_a_handler_is_its_jobs_business_only(farm: Farm) -> None:
    hard = farm.jobs.enqueue("die_once", {"mark": str(farm.directory / "mark")})
    soft = farm.jobs.enqueue("leave", {}, max_attempts=1)
    farm.supervise("--drain").wait()
    assert hard.refresh().value == "survived"
    assert [(e.cause, e.exit_code) for e in hard.error_history] == [("crashed", 7)]
    assert [(e.cause, e.message) for e in soft.refresh().error_history] == [("error", "SystemExit: 5")]


def test_a_handler_that_forks_and_returns_is_one_worker_still(farm: Farm) -> None:
    job = farm.jobs.enqueue("fork_and_return")
    others = [farm.jobs.enqueue("use_multiprocessing", {"number": -3}), farm.jobs.enqueue("noop")]
    assert farm.supervise("--drain", workers=1).wait() == 0
    assert job.refresh().status == "done"
    assert job.value > 0
    assert others[0].refresh().value == 12
    assert {o.refresh().attempts for o in others} == {1}


def test_nobody_notices_the_death_of_the_coordinator(farm: Farm) -> None:
    supervised = farm.supervise()
    supervised.up(2)
    jobs = farm.jobs.enqueue_bulk([("spin", {"seconds": 0.01})] * 100)
    (coordinator,) = supervised.children("coordinator")
    os.kill(coordinator.pid, signal.SIGKILL)
    farm.ended(*jobs)
    assert {(job.status, job.attempts) for job in jobs} == {("done", 1)}
    assert farm.jobs.enqueue("noop").result(timeout=30) is None
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0


def test_a_worker_and_the_coordinator_killed_together_lose_nothing(farm: Farm) -> None:
    go = farm.directory / "go"
    job = farm.jobs.enqueue("wait_for", {"path": str(go)})
    supervised = farm.supervise()
    victim = supervised.worker_of(job)
    (coordinator,) = supervised.children("coordinator")
    os.kill(coordinator.pid, signal.SIGKILL)
    os.kill(victim.pid, signal.SIGKILL)
    eventually(lambda: job.refresh().attempts == 2, within=20, told="the second attempt")
    go.touch()
    farm.ended(job)
    assert [e.cause for e in job.error_history] == ["crashed"]


def test_after_the_supervisors_death_nobody_is_left_and_its_jobs_go_on(farm: Farm) -> None:
    go, child = farm.directory / "go", farm.directory / "child"
    waiting = farm.jobs.enqueue("wait_for", {"path": str(go)})
    spawning = farm.jobs.enqueue("spawn_child", {"path": str(child)}, max_attempts=1)
    supervised = farm.supervise()
    supervised.worker_of(waiting)
    eventually(lambda: child.exists() and child.read_text(), told="the handler's child")
    family = [p.pid for p in (*supervised.workers(), *supervised.children("coordinator"))]
    os.kill(supervised.pid, signal.SIGKILL)
    eventually(
        lambda: all(gone(pid) for pid in [*family, int(child.read_text())]), within=10, told="everybody to be gone"
    )
    assert supervised.wait() == -signal.SIGKILL
    assert [e.cause for e in waiting.refresh().error_history] == ["lost"]
    assert spawning.refresh().status == "dead"
    assert not [h for h in farm.jobs.storage.registry.hosts() if h.alive]
    go.touch()
    farm.supervise("--drain").wait()
    assert waiting.refresh().status == "done"


def test_a_whole_host_killed_at_once_is_rescued_by_the_next(farm: Farm) -> None:
    go = farm.directory / "go"
    jobs = farm.jobs.enqueue_bulk([("wait_for", {"path": str(go)})] * 2)
    supervised = farm.supervise()
    for job in jobs:
        supervised.worker_of(job)
    (coordinator,) = supervised.children("coordinator")
    os.kill(coordinator.pid, signal.SIGSTOP)  # it cannot clean up
    os.kill(supervised.pid, signal.SIGKILL)
    os.kill(coordinator.pid, signal.SIGKILL)
    supervised.wait()
    assert {job.refresh().status for job in jobs} == {"in_progress"}
    go.touch()
    farm.supervise("--drain").wait()
    assert {(job.refresh().status, job.attempts) for job in jobs} == {("done", 2)}
    assert {e.cause for job in jobs for e in job.error_history} == {"lost"}


def test_a_random_killer_loses_no_job_and_records_none_twice(farm: Farm) -> None:
    runs = farm.directory / "runs"
    count = 300
    jobs = farm.jobs.enqueue_bulk(
        [
            ("note", {"path": str(runs), "text": f"job-{i}"}) if i % 3 else ("spin", {"seconds": 0.01})
            for i in range(count)
        ]
    )
    supervised = farm.supervise(workers=3)
    supervised.up(3)
    kills = 0
    for kill in range(8):
        half = [job for job in jobs if job.refresh().status in ("done", "dead")]
        if len(half) == count:
            break
        victims = supervised.workers()
        if victims:
            os.kill(victims[kill % len(victims)].pid, signal.SIGKILL)
            kills += 1
    farm.ended(*jobs)
    assert {job.status for job in jobs} == {"done"}
    counts = farm.jobs.counts()["default"]
    assert (counts.done, counts.dead, counts.pending, counts.in_progress) == (count, 0, 0, 0)
    crashed = sum(len(job.error_history) for job in jobs)
    assert sum(job.attempts - 1 for job in jobs) == crashed
    lines = runs.read_text().splitlines()
    assert {line.split()[0] for line in lines} == {f"job-{i}" for i in range(count) if i % 3}


def test_a_stopped_workers_held_jobs_are_run_by_others_and_only_once(farm: Farm) -> None:
    """A worker that is stopped for longer than the coordinator's patience starts nothing that was given back."""
    runs = farm.directory / "runs"
    count = 6000
    supervised = farm.supervise("--queue", "default=2")
    workers = supervised.up(2)
    jobs = farm.jobs.enqueue_bulk([("note", {"path": str(runs), "text": f"job-{i}"}) for i in range(count)])
    for turn in range(6):
        victim = workers[turn % 2]
        os.kill(victim.pid, signal.SIGSTOP)
        pause = threading.Timer(0.35, os.kill, (victim.pid, signal.SIGCONT))
        pause.start()
        pause.join()
    farm.ended(jobs[-1])
    eventually(lambda: farm.jobs.counts()["default"].done == count, told="all jobs to be done")
    lines = [line.split()[0] for line in runs.read_text().splitlines()]
    assert len(lines) == len(set(lines)) == count
    assert all(job.attempts == 1 for job in farm.jobs.list(limit=count))


def test_workers_wait_for_a_database_that_is_held_up_and_lose_nothing(farm: Farm) -> None:
    """Somebody outside holds the write lock for longer than a worker's deadline."""
    supervised = farm.supervise("--queue", "default=2")
    workers = supervised.up(2)
    go = farm.directory / "go"
    jobs = farm.jobs.enqueue_bulk([("wait_for", {"path": str(go)})] * 2)
    for job in jobs:
        supervised.worker_of(job)
    holder = apsw.Connection(str(farm.directory / "queue.sqlite"))
    holder.execute("BEGIN IMMEDIATE")
    go.touch()
    eventually(lambda: "trying again until it answers" in supervised.log, told="the workers to notice")
    holder.execute("ROLLBACK")
    holder.close()
    farm.ended(*jobs)
    assert {(job.status, job.attempts) for job in jobs} == {("done", 1)}
    assert sorted(w.pid for w in supervised.workers()) == sorted(w.pid for w in workers)


def test_one_stopped_idle_worker_holds_up_nobody(farm: Farm) -> None:
    supervised = farm.supervise("--queue", "default=2")
    victim = supervised.up(2)[0]
    os.kill(victim.pid, signal.SIGSTOP)
    jobs = farm.jobs.enqueue_bulk([("noop", {})] * 5000)
    farm.ended(jobs[-1])
    eventually(lambda: farm.jobs.counts()["default"].done == len(jobs), told="all jobs to be done")
    with contextlib.suppress(ProcessLookupError):  # stopped in the middle of an exchange it is killed and replaced
        os.kill(victim.pid, signal.SIGCONT)


def test_the_farm_outlives_a_fork_that_fails(farm: Farm) -> None:
    """No descriptor is to be had for another child for a while."""
    go = farm.directory / "go"
    supervised = farm.supervise("--queue", "default=2")
    workers = supervised.up(2)
    job = farm.jobs.enqueue("wait_for", {"path": str(go)})
    busy = supervised.worker_of(job)
    idle = next(w for w in workers if w.pid != busy.pid)
    soft, hard = resource.prlimit(supervised.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(supervised.pid, resource.RLIMIT_NOFILE, (3, hard))
    os.kill(idle.pid, signal.SIGKILL)
    eventually(lambda: "a process could not be started" in supervised.log)
    resource.prlimit(supervised.pid, resource.RLIMIT_NOFILE, (soft, hard))
    eventually(lambda: len(supervised.workers()) == 2, told="another worker")
    go.touch()
    farm.ended(job)
    assert (job.status, job.attempts) == ("done", 1)


def test_a_coordinator_killed_at_its_last_word_is_replaced(farm: Farm) -> None:
    supervised = farm.supervise("--queue", "default=2")
    supervised.up(2)
    (coordinator,) = supervised.children("coordinator")
    os.kill(coordinator.pid, signal.SIGSTOP)
    supervised.signal(signal.SIGTERM)
    eventually(lambda: not supervised.workers(), told="the workers to leave")
    os.kill(coordinator.pid, signal.SIGKILL)
    assert supervised.wait() == 0
    assert farm.jobs.storage.registry.hosts() == []
