"""Thousands of cancels at thousands of short jobs: each hits its target, or nothing."""

from __future__ import annotations

import functools
import json
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from forge_jobs import ForgeJobs, Job
from tests.support.farm import Farm, eventually, noted
from tests.support.forking import fork

pytestmark = pytest.mark.processes

COUNT = 10_000
WORKERS = 8
CANCELLERS = 2


def cancel_at_random(url: str, seed: int, over: Path) -> str:
    """Cancel running, held and now and then waiting jobs as fast as possible; return the answers as JSON."""
    chance = random.Random(seed)
    jobs = ForgeJobs(url)
    answers = []
    while not over.exists():
        status = "pending" if chance.random() < 0.02 else "in_progress"
        seen = jobs.list(status=status, limit=100)
        for job in chance.sample(seen, min(len(seen), 3)):
            answers.append((job.id, job.cancel()))
    jobs.close()
    return json.dumps(answers)


def start_storm(farm: Farm, over: Path) -> list[Callable[[], str]]:
    return [fork(functools.partial(cancel_at_random, farm.url, seed, over)) for seed in range(CANCELLERS)]


def short_job(path: str, number: int) -> tuple[str, dict[str, object]]:
    """Return a job of a few milliseconds; now and then one that has to be killed if it is cancelled."""
    if number % 200 == 199:
        return "tick_in_shield", {"path": path, "number": number}
    milliseconds = 1 + number * 7 % 40 / 10
    return "tick", {"path": path, "number": number, "milliseconds": milliseconds, "computes": number % 8 == 0}


def every_job(farm: Farm) -> dict[str, Job]:
    """Return all jobs by id."""
    found: dict[str, Job] = {}
    page = farm.jobs.list(limit=10_000)
    while True:
        found |= {job.id: job for job in page}
        if page.next is None:
            return found
        page = farm.jobs.list(limit=10_000, before=page.next)


def test_a_storm_of_cancels_hits_its_targets_and_nobody_else(farm: Farm) -> None:
    ledger, over = farm.directory / "ledger", farm.directory / "over"
    stored = farm.jobs.enqueue_bulk([short_job(str(ledger), number) for number in range(COUNT)])
    numbers = {job.id: number for number, job in enumerate(stored)}
    supervised = farm.supervise("--queue", f"default={WORKERS}", app="stoppable_application:jobs")
    storm = start_storm(farm, over)
    try:
        eventually(lambda: not _left(farm), within=100, told="all jobs to end")
    finally:
        over.touch()
        answers = [tuple(answer) for part in storm for answer in json.loads(part())]
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    jobs = every_job(farm)
    assert jobs.keys() == numbers.keys()
    begun, ended = _ledger(ledger)
    _check_targets(jobs, numbers, answers, begun, ended)
    _check_bystanders(jobs, numbers, {job_id for job_id, _answer in answers}, begun, ended)
    counts = farm.jobs.counts()["default"]
    statuses = Counter(str(job.status) for job in jobs.values())
    assert (counts.done, counts.dead) == (statuses["done"], statuses["dead"])
    killed = sum(e.exit_signal == "SIGKILL" for job in jobs.values() for e in job.error_history)
    heard = Counter(answer for _id, answer in answers)
    print(f"{len(answers)} cancels: {dict(heard)}; ends: {dict(statuses)}, of which killed: {killed}")


def _left(farm: Farm) -> int:
    counts = farm.jobs.counts()["default"]
    return counts.pending + counts.in_progress + counts.failed + counts.scheduled


def _ledger(path: Path) -> tuple[Counter[int], Counter[int]]:
    """Return how often each job has begun, and ended, as the jobs themselves noted it."""
    lines = [line.split() for line in noted(path)]
    return (
        Counter(int(number) for what, number in lines if what == "start"),
        Counter(int(number) for what, number in lines if what == "end"),
    )


def _check_targets(
    jobs: dict[str, Job],
    numbers: dict[str, int],
    answers: list[tuple[str, str]],
    begun: Counter[int],
    ended: Counter[int],
) -> None:
    """Assert that what the cancels were told came true."""
    assert {answer for _id, answer in answers} <= {"cancelled", "requested", "already_finished"}
    told: dict[str, set[str]] = {}
    for job_id, answer in answers:
        told.setdefault(job_id, set()).add(answer)
    for job_id, heard in told.items():
        job, number = jobs[job_id], numbers[job_id]
        causes = [entry.cause for entry in job.error_history]
        if "cancelled" in heard:
            assert (job.status, job.attempts, causes, begun[number]) == ("dead", 0, ["cancelled"], 0), (job, heard)
        elif job.status == "dead":
            assert "requested" in heard
            assert causes == ["cancelled"]
            began = "before it ran" not in job.error_history[0].message
            assert job.attempts == began, (job, job.error_history)
            assert begun[number] <= began  # hit on its first line it noted nothing
        else:
            assert (job.status, job.attempts, causes) == ("done", 1, []), (job, heard)
            assert (begun[number], ended[number]) == (1, 1)


def _check_bystanders(
    jobs: dict[str, Job], numbers: dict[str, int], targets: set[str], begun: Counter[int], ended: Counter[int]
) -> None:
    """Assert that every job that was nobody's target has run once, and well."""
    strange = [
        (job, job.attempts, job.error_history, begun[numbers[job_id]], ended[numbers[job_id]])
        for job_id, job in jobs.items()
        if job_id not in targets
        and (job.status, job.attempts, len(job.error_history), begun[numbers[job_id]], ended[numbers[job_id]])
        != ("done", 1, 0, 1, 1)
    ]
    assert not strange, strange[:5]
