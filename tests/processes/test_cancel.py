"""A cancelled job stops, whatever it is doing, or never starts; nothing else is hit by it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import apsw
import psutil
import pytest

from forge_jobs import Job, JobNotFound
from forge_jobs.model.queue import QueueSettings
from tests.support.farm import Farm, eventually, gone, holds_lock, noted

pytestmark = pytest.mark.processes

APPLICATION = "stoppable_application:jobs"
SITUATIONS = {
    "loop": None,
    "sleep": None,
    "spawn": None,
    "thread": None,
    "C code": "SIGKILL",
    "shield": "SIGKILL",
}
"""The situations in which a job may be, and the signal that ends it there where an exception does not."""


def begun(path: Path, what: str = "begun") -> None:
    """Wait until a job has noted that it is where it is to be hit."""
    eventually(lambda: what in noted(path), told=f"{what!r} in {path.name}")


def told(job: Job) -> tuple[str, int, str, str | None]:
    """Return what the database says of a job that has ended with one line in its history."""
    (entry,) = job.refresh().error_history
    return job.status, job.attempts, entry.cause, entry.exit_signal


def test_a_running_job_is_stopped_wherever_it_is(farm: Farm) -> None:
    supervised = farm.supervise(workers=len(SITUATIONS), app=APPLICATION)
    jobs = {s: farm.jobs.enqueue("be_in", {"situation": s, "directory": str(farm.directory)}) for s in SITUATIONS}
    for situation in SITUATIONS:
        begun(farm.directory / "ledger", situation)
    children = farm.directory / "children"
    eventually(lambda: children.exists() and len(children.read_text().split()) == 2, told="the handler's children")
    victims = {situation: supervised.worker_of(job).pid for situation, job in jobs.items()}
    assert [job.cancel() for job in jobs.values()] == ["requested"] * len(jobs)
    farm.ended(*jobs.values())
    assert {situation: told(job) for situation, job in jobs.items()} == {
        situation: ("dead", 1, "cancelled", killed_by) for situation, killed_by in SITUATIONS.items()
    }
    for situation, job in jobs.items():
        (entry,) = job.error_history
        assert entry.pid == victims[situation]
        assert entry.message.startswith("cancelled while it was running")
        assert ("was killed" in entry.message) == (entry.exit_signal is not None)
        assert job.cancel() == "already_finished"
    eventually(lambda: all(gone(int(pid)) for pid in children.read_text().split()), told="the handler's children gone")
    assert farm.jobs.enqueue("noop").result(timeout=60) is None
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0


def test_a_job_that_has_not_begun_never_does(farm: Farm) -> None:
    """Pending, waiting for its time, and waiting for its next attempt."""
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default", backoff_base=3600.0, backoff_max=3600.0))
    path = farm.directory / "starts"
    note = {"path": str(path), "text": "started"}
    waiting = [farm.jobs.enqueue("note", note), farm.jobs.enqueue("note", note, delay=0.1)]
    retried = farm.jobs.enqueue("fail")
    gone_by = farm.jobs.enqueue("noop")
    assert [job.cancel() for job in waiting] == ["cancelled"] * 2
    assert gone_by.delete()
    assert gone_by.cancel() == "not_found"
    with pytest.raises(JobNotFound):
        gone_by.refresh()
    farm.supervise()
    eventually(lambda: retried.refresh().status == "failed", told="the first attempt to fail")
    assert retried.cancel() == "cancelled"
    assert [(e.cause, e.attempt) for e in retried.refresh().error_history] == [("error", 1), ("cancelled", 1)]
    assert not retried.run_now()
    last = farm.jobs.enqueue("noop", delay=0.2)
    farm.ended(last)
    assert not path.exists()
    for job in waiting:
        assert told(job) == ("dead", 0, "cancelled", None)
    assert (retried.refresh().status, retried.attempts) == ("dead", 1)
    assert [job.cancel() for job in (*waiting, retried, last)] == ["already_finished"] * 4


def test_a_held_job_never_begins_once_it_is_cancelled(farm: Farm) -> None:
    """Many short jobs behind one that is long for once; whose holder does not give them back in time."""
    path = farm.directory / "starts"
    supervised = farm.supervise("--queue", "default=1", app=APPLICATION)
    (worker,) = supervised.staffed(1)
    (coordinator,) = supervised.children("coordinator")
    first = farm.jobs.enqueue("brief", {"path": str(path), "name": "first", "go": str(farm.directory / "first")})
    begun(path, "first")
    jobs = _briefs_with_blockers(farm, path)
    _stop_outside_of_writes(coordinator, farm.directory / "queue.sqlite-turnstile")
    (farm.directory / "first").touch()
    blocker, held = _wait_for_held(farm, path, jobs)
    answers = [job.cancel() for job in jobs[blocker + 1 :]]
    assert "requested" in answers
    assert set(answers) <= {"requested", "cancelled"}
    os.kill(coordinator.pid, signal.SIGCONT)
    farm.ended(*jobs[blocker + 1 :])  # while the one before them runs
    for name in range(blocker, len(jobs), 20):
        (farm.directory / f"go-{name}").touch()
    farm.ended(first, *jobs[: blocker + 1])
    assert {(job.refresh().status, job.attempts) for job in jobs[: blocker + 1]} == {("done", 1)}
    assert {told(job) for job in jobs[blocker + 1 :]} == {("dead", 0, "cancelled", None)}
    assert {job.error_history[0].message for job in jobs[blocker + 1 :]} == {"cancelled before it ran"}
    assert noted(path) == ["first", *map(str, range(blocker + 1))]
    assert [w.pid for w in supervised.workers()] == [worker.pid]
    assert held


def _stop_outside_of_writes(process: psutil.Process, turnstile: Path) -> None:
    """Stop a process where it holds up no other writer."""

    def stopped() -> bool:
        process.suspend()
        eventually(lambda: process.status() == psutil.STATUS_STOPPED, told="the process to be stopped")
        writes = holds_lock(process.pid, turnstile)
        if writes:
            process.resume()
        return not writes

    eventually(stopped, told="a moment between two writes")


def _briefs_with_blockers(farm: Farm, path: Path) -> list[Job]:
    """Store short jobs of which every twentieth waits for a file."""
    payloads = [{"path": str(path), "name": str(number)} for number in range(400)]
    for number in range(200, 400, 20):
        payloads[number]["go"] = str(farm.directory / f"go-{number}")
    return farm.jobs.enqueue_bulk([("brief", payload) for payload in payloads])


def _wait_for_held(farm: Farm, path: Path, jobs: list[Job]) -> tuple[int, int]:
    """Let the worker go on until it stands at a blocker and holds jobs behind it; return which, and how many."""
    for blocker in range(200, 400, 20):
        begun(path, str(blocker))
        held = sum(job.refresh().status == "in_progress" for job in jobs[blocker + 1 :])
        if held:
            return blocker, held
        (farm.directory / f"go-{blocker}").touch()
    raise AssertionError("the worker never held a job behind one that runs")


def test_a_handler_may_clean_up_and_nothing_else(farm: Farm) -> None:
    farm.supervise(workers=6, app=APPLICATION)
    kinds = ["swallow_once", "never_leave_except", "clean_up", "finish_in_shield"]
    paths = {kind: farm.directory / kind for kind in kinds}
    jobs = {kind: farm.jobs.enqueue(kind, {"path": str(path)}) for kind, path in paths.items()}
    other = farm.directory / "raises"
    jobs["raises"] = farm.jobs.enqueue("end_otherwise", {"path": str(other), "how": "raise"})
    paths["raises"] = other
    for path in paths.values():
        begun(path)
    assert {job.cancel() for job in jobs.values()} == {"requested"}
    farm.ended(*jobs.values())
    killed = {"never_leave_except": "SIGKILL"}
    assert {kind: told(job) for kind, job in jobs.items()} == {
        kind: ("dead", 1, "cancelled", killed.get(kind)) for kind in jobs
    }
    assert {kind: noted(path) for kind, path in paths.items()} == {
        "swallow_once": ["begun", "swallowed"],
        "never_leave_except": ["begun", "caught"],
        "clean_up": ["begun", "cleaned up"],
        "finish_in_shield": ["begun", "left the shield"],
        "raises": ["begun"],
    }
    assert "the handler then raised ValueError: disturbed" in jobs["raises"].error_history[0].message


def test_a_handler_may_look_for_itself_and_success_stands(farm: Farm) -> None:
    farm.supervise(workers=3, app=APPLICATION)
    wishes = {
        "check": ("stop_where_it_likes", "check"),
        "look": ("stop_where_it_likes", "look"),
        "return": ("end_otherwise", "return"),
    }
    paths = {name: farm.directory / name for name in wishes}
    jobs = {
        name: farm.jobs.enqueue(kind, {"path": str(paths[name]), "how": how}) for name, (kind, how) in wishes.items()
    }
    for path in paths.values():
        begun(path)
    assert {job.cancel() for job in jobs.values()} == {"requested"}
    farm.ended(*jobs.values())
    assert told(jobs["check"]) == ("dead", 1, "cancelled", None)
    assert (jobs["look"].status, jobs["look"].value) == ("done", "as far as it came")
    assert (jobs["return"].status, jobs["return"].value) == ("done", "done all the same")
    assert jobs["look"].error_history == jobs["return"].error_history == ()
    assert jobs["look"].cancel() == "already_finished"


def test_a_stop_that_lands_in_the_hand_in_hits_nothing(farm: Farm) -> None:
    """The handler has returned; its mailbox still names the claim, and signals come while the result is written."""
    path, go = farm.directory / "path", farm.directory / "go"
    supervised = farm.supervise("--queue", "default=1", app=APPLICATION)
    job = farm.jobs.enqueue("stop_where_it_likes", {"path": str(path), "how": "look", "go": str(go)})
    worker = supervised.worker_of(job)
    begun(path)
    assert job.cancel() == "requested"
    begun(path, "knows")
    holder = apsw.Connection(str(farm.directory / "queue.sqlite"))
    holder.execute("BEGIN IMMEDIATE")
    go.touch()
    flood(worker.pid, signal.SIGUSR1)
    assert job.refresh().status == "in_progress"
    holder.execute("ROLLBACK")
    holder.close()
    farm.ended(job)
    assert (job.status, job.attempts, job.error_history) == ("done", 1, ())
    assert farm.jobs.enqueue("noop").result(timeout=60) is None
    assert "Traceback" not in supervised.log


def flood(pid: int, number: signal.Signals) -> None:
    """Send a process a signal again and again."""
    rounds = iter(range(40))

    def flooded() -> bool:
        for _ in range(50):
            os.kill(pid, number)
        return next(rounds, None) is None

    eventually(flooded, told="the signals to be sent")


def test_a_cancel_outlives_those_who_pass_it_on(farm: Farm) -> None:
    """The coordinator is dead when it comes; the supervisor stands still, or dies."""
    supervised = farm.supervise(workers=3, app=APPLICATION)
    one, two, three = (farm.jobs.enqueue("spin", {"seconds": 3600}) for _ in range(3))
    for job in (one, two, three):
        supervised.worker_of(job)
    os.kill(supervised.children("coordinator")[0].pid, signal.SIGKILL)
    assert one.cancel() == "requested"
    farm.ended(one)
    supervised.signal(signal.SIGSTOP)
    assert two.cancel() == "requested"
    supervised.signal(signal.SIGCONT)
    farm.ended(two)
    assert {told(job) for job in (one, two)} == {("dead", 1, "cancelled", None)}
    (coordinator,) = supervised.children("coordinator")
    assert three.cancel() == "requested"
    supervised.signal(signal.SIGKILL)
    farm.ended(three)
    assert told(three)[:3] == ("dead", 1, "cancelled")
    eventually(lambda: gone(coordinator.pid), told="the coordinator to leave")


def test_a_stopped_worker_is_killed_for_its_cancelled_job(farm: Farm) -> None:
    """Who cannot hear is not asked for ever."""
    supervised = farm.supervise("--queue", "default=1", app=APPLICATION)
    job = farm.jobs.enqueue("be_in", {"situation": "loop", "directory": str(farm.directory)})
    worker = supervised.worker_of(job)
    begun(farm.directory / "ledger", "loop")
    os.kill(worker.pid, signal.SIGSTOP)
    assert job.cancel() == "requested"
    farm.ended(job)
    assert told(job) == ("dead", 1, "cancelled", "SIGKILL")
    assert farm.jobs.enqueue("noop").result(timeout=60) is None
