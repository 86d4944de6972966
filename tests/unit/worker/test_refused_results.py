"""A worker whose results the database does not take, or which it answers in part only, on a real server."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any, cast

import psycopg
import pytest

from forge_jobs.clock import SystemClock, monotonic_us
from forge_jobs.ids import new_process_id
from forge_jobs.model.outcome import Verdict
from forge_jobs.settling import Settler, Used
from forge_jobs.storage.claims import Claim
from forge_jobs.storage.postgres.storage import PostgresStorage
from forge_jobs_supervisor.unix.board import Head
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.wakeup import Wakeup
from forge_jobs_supervisor.worker.runner import Ran, Runner
from forge_jobs_supervisor.worker.seat import Seat
from forge_jobs_supervisor.worker.worker import Worker
from tests.support.builders import a_board, a_host, a_queue, enqueue, enqueue_some, record
from tests.support.postgres import server_url

SHORT = 0.000_05
"""Seconds that every job is said to have taken: so many are claimed and handed in together."""


class Echo:
    """Stands for the runner: the result of every job is what its payload says, checked by nobody."""

    def put_in_order(self) -> None:
        pass

    def run(self, claim: Claim, process_id: int, memory_limit: int | None, *, tiny: bool) -> Ran:
        result = claim.payload.partition(b"!")[2].rpartition(b"!")[0] or b"null"
        return Ran(Verdict(result=result), SystemClock().now(), SHORT, Used(50), stopped=False)


@pytest.fixture
def storage() -> Iterator[PostgresStorage]:
    made = PostgresStorage(server_url(), schema=f"t{os.urandom(6).hex()}")
    with closing(made):
        made.schema.create()
        a_queue(made)
        made.registry.announce_host(a_host("here"))
        yield made
        made.schema.drop()


class Scene:
    """One worker, which while its parent is being replaced looks for jobs by itself: it does not sleep for good."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    def go_on(self, steps: int) -> None:
        """Let the worker make so many steps."""
        for _ in range(steps):
            self.worker.step()


@pytest.fixture
def scene(storage: PostgresStorage) -> Iterator[Scene]:
    board = a_board(1)
    board.set_head(Head.COORDINATOR_BEAT, monotonic_us())
    board.set_head(Head.RELOADING, 1)
    with ExitStack() as opened:
        parent, lifeline = map(opened.enter_context, map(closing, Lifeline.pair()))
        wakeup = opened.enter_context(closing(Wakeup(())))
        worker = Worker(
            host_id="here", queue="default", number=1, process_id=new_process_id(), kinds=["work"], stores=storage,
            seat=Seat(board, board.slot(0)), lifeline=lifeline, wakeup=wakeup,
            settler=Settler("here", os.getpid(), lambda: 0.0), clock=SystemClock(), runner=cast("Runner", Echo()),
        )  # fmt: skip
        worker.announce()
        assert parent.is_open()
        yield Scene(worker)


@pytest.fixture
def by_hand(storage: PostgresStorage) -> Iterator[psycopg.Connection[Any]]:
    """Somebody who changes the schema under the worker."""
    options = f"-c search_path={storage._database.schema}"
    with psycopg.connect(server_url(), autocommit=True, options=options) as connection:
        yield connection


def test_a_result_that_is_refused_fails_its_own_attempt_and_no_other(
    storage: PostgresStorage, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    before = enqueue_some(storage, 20)
    odd = [enqueue(storage, payload=b'"!{!"', max_attempts=1) for _ in range(2)]
    after = enqueue_some(storage, 20)

    scene.go_on(80)

    assert {record(storage, job_id).status for job_id in [*before, *after]} == {"done"}
    assert {record(storage, job_id).attempts for job_id in [*before, *after]} == {1}
    for job_id in odd:
        found = record(storage, job_id)
        assert (found.status, found.attempts) == ("dead", 1)
        (entry,) = found.error_history
        assert entry.cause == "error"
        assert entry.message.startswith("what the attempt was to leave cannot be stored: database ")
        assert entry.message.endswith("refuses a value: invalid input syntax for type json")
        assert (entry.attempt, entry.wall_seconds is not None) == (1, True)
    told = [getattr(r, "event", "") for r in caplog.records]
    assert "database.away" not in told
    assert told.count("job.refused") == 2


def test_an_attempt_whose_result_is_refused_is_tried_again(storage: PostgresStorage, scene: Scene) -> None:
    odd = enqueue(storage, payload=b'"!{!"', max_attempts=3)

    scene.go_on(3)

    assert (record(storage, odd).status, record(storage, odd).attempts) == ("failed", 1)


def test_an_end_of_which_nothing_can_be_recorded_holds_up_no_other(
    storage: PostgresStorage, scene: Scene, by_hand: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    fine = enqueue_some(storage, 10)
    odd = enqueue(storage, payload=b'"!{!"')
    fine += enqueue_some(storage, 10)
    by_hand.execute("ALTER TABLE job_error ADD CHECK (seq < 0) NOT VALID")

    scene.go_on(40)

    assert {record(storage, job_id).status for job_id in fine} == {"done"}
    assert caplog.text.count("it is left to the coordinator") == 1  # it does not begin anew
    assert record(storage, odd).status == "in_progress"


def test_a_database_that_answers_in_part_only_is_told_of_once_until_an_exchange_succeeds(
    storage: PostgresStorage, scene: Scene, by_hand: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What is asked first after an outage, which claims are known, is answered each time: that is not enough."""
    caplog.set_level(logging.INFO)
    by_hand.execute("""
        CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the disk of the tallies is gone' USING ERRCODE = '58030'; END $$;
        CREATE TRIGGER broken BEFORE INSERT ON tally FOR EACH ROW EXECUTE FUNCTION broken()
    """)
    job_id = enqueue(storage)

    scene.go_on(6)

    told = [getattr(r, "event", "") for r in caplog.records]
    assert (told.count("database.away"), told.count("database.back")) == (1, 0)
    assert scene.worker._outage.failures == 5
    by_hand.execute("DROP TRIGGER broken ON tally")
    scene.go_on(3)
    told = [getattr(r, "event", "") for r in caplog.records]
    assert (told.count("database.away"), told.count("database.back"), scene.worker._outage.failures) == (1, 1, 0)
    assert record(storage, job_id).status == "done"
