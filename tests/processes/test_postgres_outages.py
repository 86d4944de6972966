"""A farm whose server is restarted, replaced, full, frozen or out of reach: it stays up and loses nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from forge_jobs import Job
from forge_jobs.errors import DatabaseUnusable
from tests.support.farm import Farm, eventually, farm_in_schema
from tests.support.postgres import Server
from tests.support.proxy import Proxy

pytestmark = pytest.mark.processes

OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'forge-jobs'"


@contextlib.contextmanager
def a_server(**settings: object) -> Iterator[Server]:
    server = Server(**settings)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.close()


def done_and_every_second_start_explained(jobs: list[Job], notes: Path) -> None:
    starts = len(notes.read_text().splitlines())
    lost = 0
    for job in jobs:
        record = job.refresh()
        assert record.status == "done"
        assert record.attempts == 1 + len(record.error_history)
        assert {entry.cause for entry in record.error_history} <= {"lost", "crashed"}
        lost += len(record.error_history)
    assert len(jobs) <= starts <= len(jobs) + lost


def test_backends_that_are_terminated_lose_nothing(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with a_server() as server, farm_in_schema(tmp_path, server.url) as farm:
        supervised = farm.supervise(workers=2)
        supervised.up(2)
        jobs = farm.jobs.enqueue_bulk([("note", {"path": str(notes)})] * 3000)
        with psycopg.connect(server.url, autocommit=True) as operator:
            for part in range(1, 6):
                eventually(lambda part=part: notes.exists() and len(notes.read_text().splitlines()) > 300 * part)
                operator.execute(OURS)
        eventually(lambda: farm.jobs.counts()["default"].done == len(jobs), told="all jobs")
        done_and_every_second_start_explained(jobs, notes)
        assert supervised.process.poll() is None


def test_a_server_without_connections_left_is_waited_for(tmp_path: Path) -> None:
    with a_server(settings={"max_connections": 30}) as server, farm_in_schema(tmp_path, server.url) as farm:
        supervised = farm.supervise("--queue", "default=2")
        supervised.up(2)
        taken = [psycopg.connect(server.url, autocommit=True)]

        def starved() -> bool:
            """Cut the farm off and take its place; it may be quicker."""
            taken[0].execute(OURS)
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    taken.append(psycopg.connect(server.url))
            return "no connection left" in supervised.log

        eventually(starved)
        with pytest.raises(DatabaseUnusable, match="no connection left: raise max_connections, or run fewer workers"):
            farm.jobs.enqueue("noop")
        for connection in taken:
            connection.close()

        assert farm_works(farm)
        assert supervised.process.poll() is None


@pytest.mark.parametrize("addresses", [1, 2])
def test_a_cable_that_is_pulled_and_put_back(tmp_path: Path, addresses: int) -> None:
    with a_server() as server:
        proxy = Proxy(server.url)
        url = proxy.through(server.url, times=addresses)
        try:
            with farm_in_schema(tmp_path, url) as farm:
                supervised = farm.supervise("--queue", "default=2")
                supervised.up(2)
                go = tmp_path / "go"
                job = farm.jobs.enqueue("wait_for", {"path": str(go)})
                supervised.worker_of(job)
                farm.jobs.close()
                proxy.cut()
                go.touch()
                eventually(lambda: "tries again until it answers" in supervised.log, told="the coordinator to notice")
                eventually(lambda: proxy.refused > 4 * addresses, told="everybody to have tried more than once")
                proxy.mend()

                farm.ended(job)
                assert (job.status, job.attempts) == ("done", 1)
                assert farm_works(farm)
                assert "is killed" not in supervised.log
        finally:
            proxy.close()
        assert server.processes


def test_a_standby_that_is_promoted_takes_over(tmp_path: Path) -> None:
    with a_server() as primary, a_server(of=primary) as standby:
        url = f"postgresql://forge@/postgres?host={primary.directory},{standby.directory}"
        with farm_in_schema(tmp_path, url) as farm:
            supervised = farm.supervise("--queue", "default=2")
            supervised.up(2)
            assert farm_works(farm)
            with psycopg.connect(primary.url) as operator:
                eventually(
                    lambda: (
                        operator.execute("SELECT pg_current_wal_lsn() = replay_lsn FROM pg_stat_replication").fetchone()
                        == (True,)
                    ),
                    told="the standby to catch up",
                )

            primary.stop()
            standby.promote()

            assert farm_works(farm)
            assert supervised.process.poll() is None


def farm_works(farm: Farm) -> bool:
    """Return whether a job that is enqueued now is run, as soon as the database takes it."""
    jobs: list[Job] = []

    def enqueued() -> bool:
        with contextlib.suppress(DatabaseUnusable):
            jobs.append(farm.jobs.enqueue("noop"))
        return bool(jobs)

    eventually(enqueued, told="the database to take a job")
    return jobs[0].result(timeout=60) is None
