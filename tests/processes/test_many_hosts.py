"""Three hosts on one server: one is killed, one stands still too long and is woken, the server restarts twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import psutil
import pytest

from forge_jobs import Job
from forge_jobs.model.queue import QueueSettings
from tests.support.farm import Farm, Supervised, eventually, farm_in_schema, noted
from tests.support.postgres import Server

pytestmark = pytest.mark.processes

COUNT = int(os.environ.get("FORGE_TEST_MANY_HOSTS_JOBS", "2000"))


def processes_of(supervised: Supervised) -> list[psutil.Process]:
    main = psutil.Process(supervised.pid)
    return [main, *main.children(recursive=True)]


def ended(farm: Farm) -> int:
    counts = farm.jobs.counts()["default"]
    return counts.done + counts.dead


def test_every_job_is_done_once_in_the_record(tmp_path: Path) -> None:
    server = Server()
    try:
        with farm_in_schema(tmp_path, server.url) as farm:
            farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default", backoff_enabled=False))
            _run(farm, server)
    finally:
        server.close()


def _run(farm: Farm, server: Server) -> None:
    ledger = farm.directory / "ledger"
    jobs = _enqueue(farm, ledger, 0)
    killed, frozen, steady = (farm.supervise("--queue", "default=2", app="stoppable_application:jobs") for _ in "abc")
    for host in (killed, frozen, steady):
        host.staffed(2)
    eventually(lambda: len(farm.jobs.storage.registry.workers()) == 6, told="all hosts to beat")
    eventually(lambda: ended(farm) > COUNT // 10, told="some jobs")
    for process in processes_of(killed):
        process.kill()
    eventually(lambda: ended(farm) > COUNT // 5, told="more jobs")
    stopped, late = processes_of(frozen), _process_ids_of(farm, frozen)
    for process in stopped:
        process.suspend()
    try:
        for part in (4, 3):
            eventually(lambda part=part: ended(farm) > COUNT // part, told="more jobs")
            server.stop()
            server.start()
        eventually(lambda: len(farm.jobs.storage.registry.hosts()) == 1, told="both hosts to be given up")
        eventually(lambda: ended(farm) == COUNT, told="the first jobs to end")
    finally:
        for process in stopped:
            process.resume()
    jobs += _enqueue(farm, ledger, COUNT)
    eventually(lambda: len(farm.jobs.storage.registry.hosts()) == 2, told="the host to announce itself again")
    eventually(lambda: ended(farm) == len(jobs), told="all jobs to end")
    _check(jobs, Counter(noted(ledger)), late)
    for host in (frozen, steady):
        host.signal(signal.SIGTERM)
        assert host.wait() == 0


def _enqueue(farm: Farm, ledger: Path, first: int) -> list[Job]:
    return farm.jobs.enqueue_bulk(
        [
            ("tick", {"path": str(ledger), "number": n, "milliseconds": 5 + n * 7 % 10, "computes": n % 2 == 0})
            for n in range(first, first + COUNT)
        ]
    )


def _process_ids_of(farm: Farm, supervised: Supervised) -> set[int]:
    workers = farm.jobs.storage.registry.workers()
    return {worker.process_id for host, worker in workers if host.pid == supervised.pid}


def _check(jobs: list[Job], lines: Counter[str], late: set[int]) -> None:
    """Check the record against what the handlers wrote down themselves."""
    assert late
    for number, job in enumerate(jobs):
        record = job.refresh().record
        causes = [entry.cause for entry in record.error_history]
        assert (record.status, job.value) == ("done", number)
        assert set(causes) <= {"lost", "crashed"}
        assert record.attempts == len(causes) + 1
        assert 1 <= lines[f"start {number}"] <= record.attempts, "each start is an attempt that is on record"
        if causes:
            assert record.process_id not in late, "what a host that was given up hands in late is not accepted"
    again = sum(len(job.error_history) for job in jobs)
    print(f"{len(jobs)} jobs, {again} attempts lost, {sum(lines[f'start {n}'] for n in range(len(jobs)))} starts")
