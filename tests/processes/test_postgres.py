"""The same farm on PostgreSQL: several hosts, and a server that goes away and comes back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import psutil
import psycopg
import pytest

from forge_jobs import Job
from tests.support.farm import Farm, Supervised, eventually, farm_in_schema
from tests.support.postgres import Server, having, server_url

pytestmark = pytest.mark.processes


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with farm_in_schema(tmp_path, server_url()) as made:
        yield made


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that a test may stop."""
    made = Server()
    yield made
    made.close()


@pytest.fixture
def fragile(tmp_path: Path, server: Server) -> Iterator[Farm]:
    with farm_in_schema(tmp_path, server.url) as made:
        yield made


def all_done_once(jobs: list[Job]) -> None:
    assert {(job.refresh().status, job.attempts) for job in jobs} == {("done", 1)}


def test_a_farm_runs_what_is_enqueued_and_drains(farm: Farm) -> None:
    notes = farm.directory / "notes"
    jobs = farm.jobs.enqueue_bulk([("note", {"path": str(notes)})] * 2000)
    assert farm.supervise("--drain", workers=2).wait() == 0
    all_done_once(jobs)
    assert len(notes.read_text().splitlines()) == 2000


def test_a_farm_behind_a_pooler_hears_no_rings_and_works_all_the_same(tmp_path: Path) -> None:
    with farm_in_schema(tmp_path, having(server_url(), pooled="yes")) as farm:
        supervised = farm.supervise(workers=2)
        supervised.up(2)
        assert [farm.jobs.enqueue("noop").result(timeout=30) for _ in range(3)] == [None] * 3
        jobs = farm.jobs.enqueue_bulk([("noop", {})] * 500)
        farm.ended(*jobs)
        all_done_once(jobs)
        with psycopg.connect(server_url()) as operator:
            listening = "SELECT count(*) FROM pg_stat_activity WHERE query ~ %s"
            schema = dict(parse_qsl(urlsplit(farm.url).query))["schema"]
            assert operator.execute(listening, (f'^LISTEN "{schema}"',)).fetchone() == (0,)


def test_failures_delays_and_keys_are_what_they_are_on_sqlite(farm: Farm) -> None:
    failing = farm.jobs.enqueue("fail", {}, max_attempts=1)
    dead = farm.jobs.enqueue("doomed")
    later = farm.jobs.enqueue("noop", {}, delay=0.3)
    first = farm.jobs.enqueue("noop", {}, unique_key="k", delay=0.5)
    second = farm.jobs.enqueue("noop", {}, unique_key="k")
    farm.supervise()
    farm.ended(failing, dead, later, first)
    assert (second.id, second.deduplicated) == (first.id, True)
    assert [job.status for job in (failing, dead, later, first)] == ["dead", "dead", "done", "done"]


def test_a_running_job_is_cancelled_on_any_host(farm: Farm) -> None:
    job = farm.jobs.enqueue("wait_for", {"path": str(farm.directory / "never")})
    one, other = farm.supervise("--queue", "default=1"), farm.supervise("--queue", "default=1")
    eventually(lambda: any(job.id in " ".join(w.cmdline()) for s in (one, other) for w in s.workers()))
    assert job.cancel() == "requested"
    farm.ended(job)
    assert [entry.cause for entry in job.error_history] == ["cancelled"]


def test_a_killed_workers_job_runs_again(farm: Farm) -> None:
    go = farm.directory / "go"
    job = farm.jobs.enqueue("wait_for", {"path": str(go)})
    supervised = farm.supervise()
    os.kill(supervised.worker_of(job).pid, signal.SIGKILL)
    eventually(lambda: job.refresh().attempts == 2, told="the second attempt")
    go.touch()
    farm.ended(job)
    assert [(e.cause, e.exit_signal) for e in job.error_history] == [("crashed", "SIGKILL")]


def processes_of(supervised: Supervised) -> list[psutil.Process]:
    main = psutil.Process(supervised.pid)
    return [main, *main.children(recursive=True)]


def test_a_host_that_vanished_has_its_jobs_back(farm: Farm) -> None:
    go = farm.directory / "go"
    job = farm.jobs.enqueue("wait_for", {"path": str(go)})
    gone = farm.supervise("--queue", "default=1")
    gone.worker_of(job)
    other = farm.supervise("--queue", "default=1")
    other.up(1)
    for process in processes_of(gone):
        process.kill()
    eventually(lambda: job.refresh().attempts == 2, told="the second attempt")
    assert [entry.cause for entry in job.error_history] == ["lost"]
    go.touch()
    farm.ended(job)
    assert job.status == "done"
    eventually(lambda: len(farm.jobs.storage.registry.hosts()) == 1, told="the dead host off the registry")


def test_a_host_that_was_frozen_past_the_threshold_records_nothing_late(farm: Farm) -> None:
    go = farm.directory / "go"
    job = farm.jobs.enqueue("wait_for", {"path": str(go)})
    frozen = farm.supervise("--queue", "default=1")
    frozen.worker_of(job)
    other = farm.supervise("--queue", "default=1")
    other.up(1)
    stopped = processes_of(frozen)
    for process in stopped:
        process.suspend()
    try:
        eventually(lambda: job.refresh().attempts == 2, told="the second attempt")
        other.worker_of(job)
    finally:
        for process in stopped:
            process.resume()
    eventually(lambda: "given up by the others" in frozen.log or len(farm.jobs.storage.registry.hosts()) == 2)
    go.touch()
    farm.ended(job)
    assert (job.status, job.attempts, [e.cause for e in job.error_history]) == ("done", 2, ["lost"])
    more = farm.jobs.enqueue_bulk([("noop", {})] * 50)
    farm.ended(*more)
    all_done_once(more)


def test_a_restart_of_the_server_loses_nothing(fragile: Farm, server: Server) -> None:
    notes = fragile.directory / "notes"
    supervised = fragile.supervise(workers=2)
    supervised.up(2)
    jobs = fragile.jobs.enqueue_bulk([("note", {"path": str(notes)})] * 3000)
    for _ in range(2):
        eventually(lambda: notes.exists(), told="the first runs")
        server.stop()
        server.start()
    eventually(lambda: fragile.jobs.counts()["default"].done == len(jobs), told="all jobs")
    assert {job.refresh().status for job in jobs} == {"done"}
    assert supervised.process.poll() is None
    assert fragile.jobs.enqueue("noop").result(timeout=30) is None


def test_a_server_that_does_not_answer_for_a_while_kills_nobody(fragile: Farm, server: Server) -> None:
    supervised = fragile.supervise(workers=2)
    supervised.up(2)
    go = fragile.directory / "go"
    running = fragile.jobs.enqueue("wait_for", {"path": str(go)})
    supervised.worker_of(running)
    stopped = server.processes
    for process in stopped:
        process.suspend()
    try:
        go.touch()
        eventually(lambda: "did not answer" in supervised.log, told="the deadline")
    finally:
        for process in stopped:
            process.resume()
    fragile.ended(running)
    assert (running.status, running.attempts) == ("done", 1)
    assert fragile.jobs.enqueue("noop").result(timeout=30) is None
