"""Limits of kinds on a real farm, on both kinds of database: how many run at once, in which order, how often."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_jobs.model.queue import QueueSettings
from tests.support.farm import Farm, eventually, farm_in_schema, farms
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes

APPLICATION = "places_application:jobs"


@pytest.fixture(params=["sqlite", "postgres"])
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    if request.param == "sqlite":
        yield from farms(tmp_path)
    else:
        with farm_in_schema(tmp_path, server_url()) as made:
            yield made


def _fast_retries() -> QueueSettings:
    return QueueSettings(name="default", backoff_enabled=False)


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def most_at_once(path: Path) -> int:
    now = most = 0
    for _at, change in sorted((int(at), int(change)) for at, change in lines(path)):
        now += change
        most = max(most, now)
    return most


def drained(farm: Farm, workers: int = 4) -> None:
    farm.supervise("--drain", workers=workers, app=APPLICATION).wait()


def test_two_hosts_together_run_no_more_than_a_kind_may(farm: Farm) -> None:
    path = farm.directory / "runs"
    jobs = farm.jobs.enqueue_bulk([("heavy", {"path": str(path), "n": n}) for n in range(30)])
    hosts = [farm.supervise(workers=3, app=APPLICATION) for _ in range(2)]
    farm.ended(*jobs)

    assert most_at_once(path) == 2
    for host in hosts:
        host.signal(signal.SIGTERM)
        assert host.wait() == 0


def test_jobs_of_a_key_run_in_order_even_when_one_is_tried_again(farm: Farm) -> None:
    path = farm.directory / "runs"
    farm.jobs.storage.queue_config.ensure_queue(_fast_retries())
    farm.jobs.enqueue_bulk(
        [("in_order", {"path": str(path), "tenant": tenant, "n": n}) for n in range(15) for tenant in "abc"]
    )

    drained(farm)

    by_tenant: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for tenant, n, attempt in lines(path):
        by_tenant[tenant].append((int(n), int(attempt)))
    expected = [(n, attempt) for n in range(15) for attempt in ((1, 2) if n % 7 == 3 else (1,))]
    assert by_tenant == {"a": expected, "b": expected, "c": expected}


def test_starts_come_no_more_often_than_the_rate_limit_lets_them(farm: Farm) -> None:
    path = farm.directory / "runs"
    for kind in ("metered", "asks"):
        farm.jobs.enqueue_bulk([(kind, {"path": str(path), "n": n}) for n in range(14)])

    drained(farm)

    starts = sorted(int(at) / 1e9 for (at,) in lines(path))
    assert len(starts) == 28
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            # 4 in the bucket and 20 a second; a start is noted up to a moment after its token was taken
            assert last - first + 1 <= 4 + 20 * (starts[last] - starts[first] + 0.2)


def test_a_job_that_is_throttled_too_often_ends_dead(farm: Farm) -> None:
    path = farm.directory / "runs"
    farm.jobs.storage.queue_config.ensure_queue(_fast_retries())
    job = farm.jobs.enqueue("throttled", {"path": str(path)})

    drained(farm, workers=1)

    assert job.refresh().status == "dead"
    assert [entry.cause for entry in job.error_history] == ["throttled"]
    assert len(lines(path)) == 3
    assert job.attempts == 1


def test_a_worker_that_dies_leaks_no_place(farm: Farm) -> None:
    path = farm.directory / "runs"
    first = farm.jobs.enqueue("dies", {"path": str(path), "n": 0}, max_attempts=2)
    others = farm.jobs.enqueue_bulk([("dies", {"path": str(path), "n": n}) for n in range(1, 6)])

    drained(farm)

    assert first.refresh().status == "dead"
    assert {job.refresh().status for job in others} == {"done"}


def test_a_supervisor_that_is_killed_leaks_no_place(farm: Farm) -> None:
    path = farm.directory / "runs"
    jobs = farm.jobs.enqueue_bulk([("heavy", {"path": str(path), "n": n}) for n in range(40)])
    host = farm.supervise(workers=3, app=APPLICATION)
    eventually(lambda: len(lines(path)) > 6, told="some to have run")
    host.signal(signal.SIGKILL)
    host.wait()

    farm.supervise(workers=3, app=APPLICATION)

    farm.ended(*jobs)
    assert {job.status for job in jobs} == {"done"}
