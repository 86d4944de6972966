"""Listeners in a real farm hear of every end, whoever records it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from forge_jobs import Job
from forge_jobs.model.events import EVENT_KIND
from forge_jobs.model.states import Status
from tests.support.farm import Farm, Supervised, eventually, farm_in_schema, noted
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes


def start(farm: Farm, workers: int = 2) -> Supervised:
    return farm.supervise(app="listening_application:jobs", workers=workers)


def heard(farm: Farm, *lines: str) -> None:
    eventually(lambda: set(noted(farm.directory / "notes")) >= set(lines), told=f"{lines} to be heard")


def waiting(farm: Farm, **options: object) -> Job:
    """Enqueue a job that runs until it is told to end, and wait until it runs."""
    path = farm.directory / os.urandom(4).hex()
    job = farm.jobs.enqueue("waits", {"path": str(path)}, **options)
    eventually(Path(f"{path}.waits").exists)
    return job


def test_what_workers_record(farm: Farm) -> None:
    start(farm)
    noop, commits = farm.jobs.enqueue("noop"), farm.jobs.enqueue("commits")
    fail, doomed = farm.jobs.enqueue("fail"), farm.jobs.enqueue("doomed")

    heard(farm, f"done {noop.id}", f"done {commits.id}", f"failed {fail.id} error", f"dead {doomed.id} error")


def test_a_listener_that_raises_is_tried_again_and_hurts_nobody(farm: Farm) -> None:
    start(farm)
    doomed = farm.jobs.enqueue("doomed")
    heard(farm, f"dead {doomed.id} error")
    events = farm.jobs.list(kind=EVENT_KIND)

    eventually(lambda: {j.refresh().status for j in farm.jobs.list(kind=EVENT_KIND)} <= {"done", "pending"})
    assert doomed.refresh().status == "dead"
    assert [job.payload["event"] for job in events][-1] == "dead"
    again = [job for job in farm.jobs.list(kind=EVENT_KIND) if job.payload.get("listener")]
    assert [(job.payload["listener"], job.status) for job in again] == [
        ("listening_application.faulty", Status.PENDING)
    ]


def test_a_worker_that_is_killed(farm: Farm) -> None:
    supervised = start(farm)
    job = waiting(farm, max_attempts=1)
    supervised.worker_of(job).kill()

    heard(farm, f"dead {job.id} crashed", f"crashed {job.id} crashed")


def test_a_supervisor_that_is_killed(farm: Farm) -> None:
    supervised = start(farm)
    job = waiting(farm)
    supervised.signal(signal.SIGKILL)
    supervised.wait()
    start(farm)

    heard(farm, f"failed {job.id} lost", f"crashed {job.id} lost")


def test_what_an_operator_cancels(farm: Farm) -> None:
    start(farm)
    running = waiting(farm)
    later = farm.jobs.enqueue("noop", {}, delay=3600)
    for job in (running, later):
        job.cancel()

    heard(farm, f"cancelled {running.id} cancelled", f"cancelled {later.id} cancelled")


def test_the_shipped_kinds_are_heard_of_too(farm: Farm) -> None:
    start(farm)
    echo = farm.jobs.enqueue("forge.echo", {"fail": True}, max_attempts=1)

    heard(farm, f"dead {echo.id} error")


@pytest.mark.parametrize("preload", ["--preload", "--no-preload"])
def test_on_postgres_and_without_preloading(tmp_path: Path, preload: str) -> None:
    with farm_in_schema(tmp_path, server_url()) as farm:
        supervised = farm.supervise(preload, app="listening_application:jobs", workers=2)
        noop, job = farm.jobs.enqueue("noop"), waiting(farm, max_attempts=1)
        supervised.worker_of(job).kill()

        heard(farm, f"done {noop.id}", f"dead {job.id} crashed", f"crashed {job.id} crashed")
