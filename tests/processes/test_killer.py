"""Under a killer of workers every job ends as its policy says: none is lost, none is recorded twice."""

from __future__ import annotations

import os
import random
import signal
import statistics
from collections import Counter

import pytest

from forge_jobs.clock import monotonic
from forge_jobs.model.queue import QueueSettings
from tests.support.farm import Farm, Supervised, eventually, noted

pytestmark = pytest.mark.processes

COUNT = 2000
WORKERS = 4
EVERY = 75
"""Jobs between two kills: three tenths of a second, or a little less."""


def test_a_killer_of_workers_loses_no_job_and_doubles_none(farm: Farm) -> None:
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default", backoff_enabled=False))
    ledger = farm.directory / "ledger"
    stored = farm.jobs.enqueue_bulk(
        [
            ("tick", {"path": str(ledger), "number": n, "milliseconds": 5 + n * 7 % 10, "computes": n % 2 == 0})
            for n in range(COUNT)
        ]
    )
    supervised = farm.supervise("--queue", f"default={WORKERS}", app="stoppable_application:jobs")
    supervised.staffed(WORKERS)
    settled_after = _kill_until_all_is_done(farm, supervised)
    jobs = [job.refresh() for job in stored]
    assert {job.status for job in jobs} <= {"done", "dead"}
    counts = farm.jobs.counts()["default"]
    statuses = Counter(str(job.status) for job in jobs)
    assert (counts.done, counts.dead) == (statuses["done"], statuses["dead"])
    lines = Counter(noted(ledger))
    for number, job in enumerate(jobs):
        causes = [entry.cause for entry in job.error_history]
        assert set(causes) <= {"crashed", "lost"}
        assert job.attempts == len(causes) + (job.status == "done")
        assert job.status == "done" or job.attempts == job.max_attempts
        assert lines[f"start {number}"] <= job.attempts  # each begin is an attempt that is on record
        if job.status == "done":
            assert lines[f"end {number}"] >= 1
            assert job.value == number
    crashes = sum(len(job.error_history) for job in jobs)
    assert settled_after
    print(
        f"{len(settled_after)} kills, {crashes} attempts lost; a killed worker's jobs were settled after "
        f"{1000 * statistics.median(settled_after):.0f} ms in the median, {1000 * max(settled_after):.0f} ms at most"
    )
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0


def _kill_until_all_is_done(farm: Farm, supervised: Supervised) -> list[float]:
    """Kill a random worker again and again; return how long it took until what it had claimed was settled."""
    chance, took = random.Random(0), []
    ended = 0
    while ended < COUNT:
        victim = chance.choice(supervised.staffed(1)).pid
        process_id = _process_id(farm, victim)
        claimed = _has_claims(farm, process_id)
        killed_at = monotonic()
        os.kill(victim, signal.SIGKILL)
        if claimed:
            _wait_until_settled(farm, process_id)
            took.append(monotonic() - killed_at)
        ended = _wait_for_ends(farm, min(ended + EVERY, COUNT))
    return took


def _wait_until_settled(farm: Farm, process_id: int | None) -> None:
    eventually(lambda: not _has_claims(farm, process_id), told="its claims to be settled")


def _wait_for_ends(farm: Farm, count: int) -> int:
    """Wait until so many jobs have ended; return how many have."""
    eventually(lambda: _ended(farm) >= count, told=f"{count} jobs to end")
    return _ended(farm)


def _process_id(farm: Farm, pid: int) -> int | None:
    """Return under which process id a worker is registered, if it has been through a beat."""
    workers = farm.jobs.storage.registry.workers()
    return next((worker.process_id for _host, worker in workers if worker.pid == pid), None)


def _has_claims(farm: Farm, process_id: int | None) -> bool:
    return any(job.record.process_id == process_id for job in farm.jobs.list(status="in_progress", limit=1000))


def _ended(farm: Farm) -> int:
    counts = farm.jobs.counts()["default"]
    return counts.done + counts.dead
