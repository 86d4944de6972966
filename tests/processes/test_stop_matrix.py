"""Every signal at every kind of work: what the exit code and the database say afterwards, and who is left alive."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import apsw
import psutil
import pytest

from forge_jobs import Job
from forge_jobs.model.queue import QueueSettings
from tests.support.farm import PATIENCE, Farm, Supervised, eventually, gone, holds_lock, noted

pytestmark = pytest.mark.processes

APPLICATION = "stoppable_application:jobs"
SITUATIONS = ["loop", "sleep", "C code", "shield", "spawn"]
STOPS = {
    "SIGTERM": [signal.SIGTERM],
    "SIGINT": [signal.SIGINT],
    "SIGINT twice": [signal.SIGINT, signal.SIGINT],
    "SIGKILL": [signal.SIGKILL],
}


def at_work(farm: Farm, kind: str, situations: list[str]) -> dict[str, Job]:
    """Store a job for each situation and wait until all are in it."""
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default", backoff_enabled=False))
    payloads = [{"situation": situation, "directory": str(farm.directory)} for situation in situations]
    jobs = farm.jobs.enqueue_bulk([(kind, payload) for payload in payloads])
    eventually(lambda: sorted(noted(farm.directory / "ledger")) == sorted(situations), told="all jobs to be at work")
    if kind == "be_in" and "spawn" in situations:
        eventually(lambda: len(children(farm.directory)) == 2, told="the handler's children")
    return dict(zip(situations, jobs, strict=True))


def children(directory: Path) -> list[int]:
    """Return the pids of what a handler has started."""
    file = directory / "children"
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def stop(supervised: Supervised, how: str) -> None:
    """Send the signals; the second one when the first was heard."""
    for number in STOPS[how]:
        supervised.signal(number)
        if number == signal.SIGINT:
            eventually(lambda: "stopping" in supervised.log, told="the signal to be heard")


def family(supervised: Supervised) -> list[int]:
    return [p.pid for p in psutil.Process(supervised.pid).children(recursive=True)]


def nobody_left(pids: list[int]) -> None:
    eventually(lambda: all(gone(pid) for pid in pids), told="everybody of the farm to be gone")


@pytest.mark.parametrize("how", STOPS)
def test_a_stop_amid_all_kinds_of_work(farm: Farm, how: str) -> None:
    """An orderly stop gives the attempt back; after a supervisor's death it is on record. No job runs twice at once."""
    grace = "3600" if how == "SIGINT twice" else "0.3"
    supervised = farm.supervise("--grace", grace, workers=len(SITUATIONS) + 1, app=APPLICATION)
    jobs = at_work(farm, "be_in", SITUATIONS)
    waiting = farm.jobs.enqueue("noop", {}, delay=3600)
    pids = [*family(supervised), *children(farm.directory)]
    stop(supervised, how)
    heirs = farm.supervise("--drain", app=APPLICATION) if how == "SIGKILL" else None
    (farm.directory / "go").touch()
    assert supervised.wait() == (-signal.SIGKILL if how == "SIGKILL" else 0)
    nobody_left(pids)
    if heirs is None:
        assert {(j.refresh().status, j.attempts, j.error_history) for j in jobs.values()} == {("pending", 0, ())}
        assert farm.jobs.storage.registry.hosts() == []
        heirs = farm.supervise("--drain", app=APPLICATION)
    assert heirs.wait() == 0, heirs.log
    assert {situation: job.refresh().value for situation, job in jobs.items()} == {s: s for s in SITUATIONS}
    lost = ["lost"] if how == "SIGKILL" else []
    assert {(j.attempts, *(e.cause for e in j.error_history)) for j in jobs.values()} == {(1 + len(lost), *lost)}
    assert noted(farm.directory / "twice") == []
    assert (waiting.refresh().status, waiting.attempts) == ("pending", 0)


def test_a_stop_lets_handlers_clean_up(farm: Farm) -> None:
    """And lets them finish all the same; what was cancelled meanwhile does not come back."""
    supervised = farm.supervise("--grace", "0.1", workers=5, app=APPLICATION)
    paths = {kind: farm.directory / kind for kind in ("clean_up", "finish_in_shield", "end_otherwise", "swallow_once")}
    payloads = {kind: {"path": str(path)} for kind, path in paths.items()}
    payloads["end_otherwise"]["how"] = "return"
    jobs = {kind: farm.jobs.enqueue(kind, payload) for kind, payload in payloads.items()}
    cancelled = at_work(farm, "be_in", ["C code"])["C code"]
    eventually(lambda: all(noted(path) for path in paths.values()), told="all jobs to begin")
    assert cancelled.cancel() == "requested"
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    assert {kind: (job.refresh().status, job.attempts, job.error_history) for kind, job in jobs.items()} == {
        "clean_up": ("pending", 0, ()),
        "finish_in_shield": ("pending", 0, ()),
        "end_otherwise": ("done", 1, ()),
        "swallow_once": ("pending", 0, ()),
    }
    assert noted(paths["clean_up"]) == ["begun", "cleaned up"]
    assert noted(paths["finish_in_shield"]) == ["begun", "left the shield"]
    assert noted(paths["swallow_once"]) == ["begun", "swallowed"]
    assert [(cancelled.refresh().status, e.cause) for e in cancelled.error_history] == [("dead", "cancelled")]


def test_who_asks_a_third_time_waits_for_nobody(farm: Farm) -> None:
    """Not even for a shield that asked for more time."""
    supervised = farm.supervise("--grace", "3600", app=APPLICATION)
    path = farm.directory / "path"
    job = farm.jobs.enqueue("stay_in_shield", {"path": str(path)})
    eventually(lambda: noted(path), told="the job to begin")
    stop(supervised, "SIGINT twice")
    eventually(lambda: "told" in noted(path), told="the job to hear of it")
    supervised.signal(signal.SIGINT)
    assert supervised.wait() == 0
    assert (job.refresh().status, job.attempts, job.error_history) == ("pending", 0, ())


def test_what_is_claimed_while_the_stop_begins_is_not_started(farm: Farm) -> None:
    """A worker is in its exchange, held up by somebody else's lock, when the farm is told to stop."""
    go, runs = farm.directory / "go", farm.directory / "runs"
    first = farm.jobs.enqueue("wait_for", {"path": str(go)})
    supervised = farm.supervise("--queue", "default=1", app=APPLICATION)
    worker = supervised.worker_of(first)
    second = farm.jobs.enqueue("note", {"path": str(runs)})
    holder = apsw.Connection(str(farm.directory / "queue.sqlite"))
    holder.execute("BEGIN IMMEDIATE")
    go.touch()
    turnstile = farm.directory / "queue.sqlite-turnstile"
    eventually(lambda: holds_lock(worker.pid, turnstile), told="the worker to want to write")
    supervised.signal(signal.SIGTERM)
    eventually(lambda: "stopping" in supervised.log, told="the signal to be heard")
    holder.execute("ROLLBACK")
    holder.close()
    assert supervised.wait() == 0
    assert (first.refresh().status, first.attempts) == ("done", 1)
    assert (second.refresh().status, second.attempts, noted(runs)) == ("pending", 0, [])


@pytest.mark.parametrize("how", STOPS)
def test_a_stop_of_an_idle_farm(farm: Farm, how: str) -> None:
    supervised = farm.supervise("--grace", "0.3", app=APPLICATION)
    done = farm.jobs.enqueue("noop")
    farm.ended(done)
    pids = family(supervised)
    stop(supervised, how)
    assert supervised.wait() == (-signal.SIGKILL if how == "SIGKILL" else 0)
    nobody_left(pids)
    eventually(lambda: not [h for h in farm.jobs.storage.registry.hosts() if h.alive], told="the host to be off")
    assert (done.refresh().status, done.attempts, done.error_history) == ("done", 1, ())
    assert farm.jobs.counts()["default"].in_progress == 0


def test_a_worker_that_is_asked_to_leave_finishes_whatever_it_does(farm: Farm) -> None:
    supervised = farm.supervise(workers=len(SITUATIONS), app=APPLICATION)
    jobs = at_work(farm, "go_on", SITUATIONS)
    before = {worker.pid for worker in supervised.staffed(len(SITUATIONS))}
    for pid in before:
        os.kill(pid, signal.SIGTERM)
    (farm.directory / "go").touch()
    _all_done_once(farm, jobs)
    eventually(lambda: not before & {w.pid for w in supervised.workers()}, told="new workers for all")
    assert farm.jobs.enqueue("noop").result(timeout=PATIENCE) is None


def test_a_killed_workers_job_is_tried_again_whatever_it_did(farm: Farm) -> None:
    supervised = farm.supervise(workers=len(SITUATIONS), app=APPLICATION)
    jobs = at_work(farm, "be_in", SITUATIONS)
    victims = {situation: supervised.worker_of(job).pid for situation, job in jobs.items()}
    pids = children(farm.directory)
    (farm.directory / "go").touch()
    for pid in victims.values():
        os.kill(pid, signal.SIGKILL)
    farm.ended(*jobs.values())
    assert {(job.status, job.attempts) for job in jobs.values()} == {("done", 2)}
    for situation, job in jobs.items():
        (entry,) = job.error_history
        assert (entry.cause, entry.exit_signal, entry.pid) == ("crashed", "SIGKILL", victims[situation])
    assert noted(farm.directory / "twice") == []
    nobody_left(pids)


def test_a_worker_that_is_stopped_and_goes_on_has_lost_nothing(farm: Farm) -> None:
    supervised = farm.supervise(workers=len(SITUATIONS), app=APPLICATION)
    jobs = at_work(farm, "go_on", SITUATIONS)
    before = {worker.pid for worker in supervised.staffed(len(SITUATIONS))}
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    (farm.directory / "go").touch()
    pause = threading.Timer(1.0, _go_on, [before])
    pause.start()
    pause.join()
    _all_done_once(farm, jobs)
    assert {worker.pid for worker in supervised.workers()} == before


def _go_on(pids: set[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def _all_done_once(farm: Farm, jobs: dict[str, Job]) -> None:
    farm.ended(*jobs.values())
    assert {(j.status, j.attempts, j.error_history) for j in jobs.values()} == {("done", 1, ())}
    assert {situation: job.value for situation, job in jobs.items()} == {s: s for s in SITUATIONS}
    assert sorted(noted(farm.directory / "ledger")) == sorted(SITUATIONS)
    assert noted(farm.directory / "twice") == []
