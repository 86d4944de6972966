"""A server that does not last loses nothing; nothing is acknowledged that is less durable than the server is told."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.faults.__main__ import main
from tests.faults.acts import ACTS, live_in
from tests.faults.server import Fault, Pair
from tests.faults.torture import Plan, torture_on
from tests.support.clock import FakeClock
from tests.support.postgres import Server, having
from tests.support.until import until

pytestmark = pytest.mark.processes

PLAN = Plan(jobs=200, kills=4, seed="server", pause=(0.5, 2.0), server=True)
TRIED = (
    "producer.enqueue", "producer.enqueue many", "producer.enqueue with a key", "worker_queue.exchange: claim",
    "worker_queue.exchange: dead", "worker_queue.completing", "operator.cancel", "schedules.edit",
    "worker_queue.exchange: done",
)  # fmt: skip
WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'forge-jobs'"


def test_a_server_that_does_not_last_loses_nothing(tmp_path: Path) -> None:
    with torture_on("postgres", tmp_path, PLAN) as torture:
        report = torture.run()
    print(report.told())
    assert report.wrong == []
    assert report.outages.keys() == set(Fault)
    assert report.verdict.done > PLAN.jobs / 2


def test_sqlite_has_no_server() -> None:
    told = CliRunner().invoke(main, ["--server"])
    assert told.exit_code == 2
    assert "say --backend postgres" in told.output


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with contextlib.closing(Pair()) as made:
        yield made


@contextlib.contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Let a server stand still."""
    processes = server.processes
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(("name", "pooled"), [*((name, "no") for name in TRIED), (TRIED[0], "yes"), (TRIED[-1], "yes")])
def test_nothing_is_acknowledged_that_the_standby_has_not(pair: Pair, name: str, pooled: str) -> None:
    """Nobody of ours asks for less than the server's synchronous_commit: with less this would not be waited for."""
    schema = f"t{os.urandom(6).hex()}"
    storage = PostgresStorage(having(pair.url, pooled=pooled), clock=FakeClock(), schema=schema)
    with contextlib.closing(storage), psycopg.connect(pair.url, autocommit=True) as operator:
        storage.schema.create()
        live_in(storage)
        act = ACTS[name](storage)
        acting = threading.Thread(target=act)
        with frozen(pair.standby):
            acting.start()
            until(lambda: not acting.is_alive() or operator.execute(WAITING).fetchall(), told="the act to be committed")
            assert acting.is_alive()
        acting.join()
        storage.schema.drop()
