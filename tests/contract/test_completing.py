"""A handler's own writes and the end of its job are one transaction."""

from __future__ import annotations

from typing import Any

import pytest

from forge_jobs.errors import ClaimLost
from forge_jobs.model.job import NewJob
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim, done
from tests.support.backends import Backend
from tests.support.builders import a_job, enqueue, only, record
from tests.support.hands import Hand


class Job:
    """A job that is running, and a table of its application's own."""

    def __init__(self, storage: Storage, backend: Backend) -> None:
        self.storage = storage
        self.id = enqueue(storage)
        self.hand = Hand(storage)
        self.claim: Claim = self.hand.take()
        self.other = backend.connection()
        self.other.execute("CREATE TABLE IF NOT EXISTS written (n integer)")
        self.other.execute("DELETE FROM written")

    def completing(self, result: bytes = b"1") -> Any:
        now = self.storage.clock.now()
        return self.storage.worker_queue.completing(lambda: done(self.claim, self.hand.process_id, result, now, now))

    def written(self) -> list[int]:
        return [row[0] for row in self.other.execute("SELECT n FROM written").fetchall()]

    @property
    def status(self) -> Status:
        return record(self.storage, self.id).status


@pytest.fixture
def job(storage: Storage, backend: Backend) -> Any:
    made = Job(storage, backend)
    yield made
    made.other.execute("DROP TABLE written")


def write_and_raise(job: Job, error: Exception, *joined: NewJob) -> None:
    with job.completing() as connection:
        connection.execute("INSERT INTO written VALUES (7)")
        job.storage.producer.enqueue(joined, connection)
        raise error


def test_both_are_committed_together(job: Job) -> None:
    with job.completing(b'{"a": 1}') as connection:
        connection.execute("INSERT INTO written VALUES (7)")
        assert job.written() == []

    assert job.written() == [7]
    found = record(job.storage, job.id)
    assert (found.status, found.result, found.attempts) == (Status.DONE, b'{"a": 1}', 1)
    assert job.storage.operator.counts()["default"].done == 1


def test_neither_is_there_when_the_block_raises(job: Job) -> None:
    error = KeyError("mine")
    with pytest.raises(KeyError) as raised:
        write_and_raise(job, error)

    assert raised.value is error
    assert job.written() == []
    assert job.status is Status.IN_PROGRESS
    assert job.hand.hand_in(job.hand.done(job.claim)) == []


def test_what_the_driver_raises_in_the_block_goes_out_as_it_is(job: Job) -> None:
    with pytest.raises(Exception, match="nonsense") as raised, job.completing() as connection:
        connection.execute("SELECT nonsense")

    assert type(raised.value).__module__.partition(".")[0] in ("psycopg", "apsw")


def test_neither_is_there_when_the_job_was_given_to_another(job: Job) -> None:
    job.storage.registry.bury(job.hand.process_id, [job.hand.back(job.claim)], "host-b")

    with pytest.raises(ClaimLost, match="nothing was committed"), job.completing() as connection:
        connection.execute("INSERT INTO written VALUES (7)")

    assert job.written() == []
    assert job.status is Status.PENDING


def test_a_hand_in_of_the_same_success_later_is_accepted_and_changes_nothing(job: Job) -> None:
    with job.completing(b'"first"'):
        pass

    assert job.hand.hand_in(job.hand.done(job.claim)) == []
    assert record(job.storage, job.id).result == b'"first"'
    assert job.storage.operator.counts()["default"].done == 1


def test_a_second_transaction_of_the_same_attempt_is_refused(job: Job) -> None:
    """As a handler does it that has not heard that its first one was committed, and tries again."""
    with job.completing(b'"first"') as connection:
        connection.execute("INSERT INTO written VALUES (7)")

    with pytest.raises(ClaimLost, match="has ended"), job.completing(b'"second"') as connection:
        connection.execute("INSERT INTO written VALUES (7)")

    assert job.written() == [7]
    assert record(job.storage, job.id).result == b'"first"'


def test_what_else_would_end_the_job_afterwards_is_refused(job: Job) -> None:
    with job.completing():
        pass

    assert job.hand.hand_in(job.hand.failed(job.claim)) == [job.claim.claim_no]
    assert job.status is Status.DONE


def test_a_success_stands_though_a_cancel_was_asked_for(job: Job) -> None:
    job.storage.operator.cancel(only(job.id), 1, 0)

    with job.completing():
        pass

    assert job.status is Status.DONE


def test_other_jobs_may_join_the_transaction(job: Job) -> None:
    with job.completing() as connection:
        (joined,) = job.storage.producer.enqueue([a_job(kind="next")], connection)
        assert not joined.deduplicated

    assert record(job.storage, joined.id).status is Status.PENDING


def test_jobs_that_joined_are_gone_when_the_block_raises(job: Job) -> None:
    next_job = a_job(kind="next")
    with pytest.raises(ZeroDivisionError):
        write_and_raise(job, ZeroDivisionError(), next_job)

    assert job.storage.operator.get(next_job.id) is None


def test_the_storage_is_usable_afterwards(job: Job) -> None:
    with job.completing():
        pass
    enqueue(job.storage)

    assert len(job.hand.claim()) == 1
