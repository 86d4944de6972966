"""A cancel that lands where Python swallows exceptions, or in the middle of somebody else's code."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.support.farm import Farm, eventually, noted
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes

APPLICATION = "reentrant_application:jobs"
PLACES = {
    "__del__": None,
    "except": None,
    "key function": None,
    "callback": None,
    "import": None,
    "event loop": None,
    "apsw rows": None,
    "apsw query": "SIGKILL",
}
"""Where a job is when it is cancelled, and the signal that ends it where an exception does not."""


def test_a_cancel_that_is_swallowed_is_repeated(farm: Farm) -> None:
    supervised = farm.supervise("--queue", f"default={len(PLACES)}", app=APPLICATION)
    path = farm.directory / "begun"
    kinds = {place: "be_killed_in" if killed_by else "be_hit_in" for place, killed_by in PLACES.items()}
    jobs = {place: farm.jobs.enqueue(kind, {"place": place, "path": str(path)}) for place, kind in kinds.items()}
    eventually(lambda: set(noted(path)) == set(PLACES), told="all jobs to be where they are to be hit")
    workers = {worker.pid for worker in supervised.workers()}
    (query,) = farm.directory.glob("query-*.sqlite")
    assert {job.cancel() for job in jobs.values()} == {"requested"}
    farm.ended(*jobs.values())
    seen = {place: [(e.cause, e.exit_signal, e.attempt) for e in job.error_history] for place, job in jobs.items()}
    assert seen == {place: [("cancelled", killed_by, 1)] for place, killed_by in PLACES.items()}
    assert {job.status for job in jobs.values()} == {"dead"}
    (farm.directory / "quick").touch()
    assert farm.jobs.enqueue("use_slow_module").result(timeout=60) is True
    assert farm.jobs.enqueue("sum_up_apsw", {"path": str(query)}).result(timeout=60) == 0
    eventually(lambda: not workers & {w.pid for w in supervised.workers()}, told="nobody to be left who was hit")


def test_a_cancel_amid_enqueues_leaves_no_half_job(farm: Farm) -> None:
    farm.supervise("--queue", "default=2", app=APPLICATION)
    ids = farm.directory / "ids"
    for round_ in range(1, 4):
        job = farm.jobs.enqueue("enqueue_for_ever", {"path": str(ids)}, priority=-5)
        _wait_for_lines(ids, len(noted(ids)) + 20)
        assert job.cancel() == "requested"
        farm.ended(job)
        (entry,) = job.error_history
        assert (job.status, entry.cause, entry.exit_signal) == ("dead", "cancelled", None)
        stored = {j.id for j in farm.jobs.list(kind="with_number", limit=10_000)}
        known = set(noted(ids))
        assert known <= stored
        assert len(stored) <= len(known) + round_  # stored, and hit before that was noted
    children = farm.jobs.list(kind="with_number", limit=10_000)
    farm.ended(*children)
    assert {(child.status, child.attempts) for child in children} == {("done", 1)}
    assert all(child.value == child.payload["number"] for child in children)
    with apsw.Connection(str(farm.directory / "queue.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _wait_for_lines(path: Path, count: int) -> None:
    eventually(lambda: len(noted(path)) > count, told=f"{count} jobs to be enqueued")


def test_a_cancel_in_a_query_of_psycopg_stops_it(farm: Farm) -> None:
    farm.supervise("--queue", "default=1", app=APPLICATION)
    path = farm.directory / "begun"
    job = farm.jobs.enqueue("query_postgres", {"path": str(path), "conninfo": server_url()})
    eventually(lambda: noted(path), told="the connection")
    assert job.cancel() == "requested"
    eventually(lambda: job.refresh().status == "dead", within=20, told="the query to be left, long before the grace")
    (entry,) = job.error_history
    assert (entry.cause, entry.exit_signal) == ("cancelled", None)
    assert farm.jobs.enqueue("with_number", {"number": 1}).result(timeout=60) == 1
