"""Enqueue inside the caller's own transaction: seen after the caller's commit, gone with the caller's rollback."""

from __future__ import annotations

from typing import Any

import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import InvalidValue
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from tests.contract.test_doorbell import heard, is_silent
from tests.support.backends import Backend
from tests.support.builders import a_job, enqueue, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand

LARGE = b'"' + b"x" * 5000 + b'"'


@pytest.fixture
def connection(storage: Storage, backend: Backend) -> Any:
    """A caller's own connection, in a transaction."""
    storage.operator.counts()
    made = backend.connection()
    made.execute("BEGIN")
    return made


def test_a_job_is_seen_after_the_callers_commit(storage: Storage, connection: Any) -> None:
    (answer,) = storage.producer.enqueue([a_job()], connection)
    assert storage.operator.get(answer.id) is None

    connection.execute("COMMIT")

    assert record(storage, answer.id).status is Status.PENDING
    assert Hand(storage).take().id == answer.id


def test_a_job_is_gone_with_the_callers_rollback(storage: Storage, connection: Any) -> None:
    (answer,) = storage.producer.enqueue([a_job(unique_key="k")], connection)

    connection.execute("ROLLBACK")

    assert storage.operator.get(answer.id) is None
    assert not storage.producer.enqueue([a_job(unique_key="k")])[0].deduplicated


def test_it_stands_and_falls_with_what_the_caller_wrote(storage: Storage, connection: Any, backend: Backend) -> None:
    connection.execute("ROLLBACK")
    connection.execute("CREATE TABLE IF NOT EXISTS bought (n integer)")
    connection.execute("DELETE FROM bought")
    for n, end in ((1, "COMMIT"), (2, "ROLLBACK")):
        connection.execute("BEGIN")
        connection.execute(f"INSERT INTO bought VALUES ({n})")
        storage.producer.enqueue([a_job()], connection)
        connection.execute(end)

    assert [tuple(row) for row in backend.connection().execute("SELECT n FROM bought").fetchall()] == [(1,)]
    assert storage.operator.counts()["default"].pending == 1
    connection.execute("DROP TABLE bought")


def test_all_kinds_of_jobs_can_be_stored_so(storage: Storage, connection: Any, clock: FakeClock) -> None:
    later = clock.now() + 60 * MICROSECONDS
    jobs = [
        a_job(payload=LARGE, unique_key="large"),
        a_job(run_at=later, priority=-3, time_limit=5, expires_at=later + 1),
        a_job(payload=b'{"a": "\\u0041"}'),
        a_job(unique_key="large"),
    ]
    answers = storage.producer.enqueue(jobs, connection)
    connection.execute("COMMIT")

    first, second, third = (record(storage, answer.id) for answer in answers[:3])
    assert (first.payload, second.scheduled_at, second.priority) == (LARGE, later, -3)
    assert (second.time_limit, second.expires_at) == (5, later + 1)
    assert third.payload == b'{"a": "\\u0041"}'
    assert (answers[3].id, answers[3].deduplicated) == (first.id, True)


def test_many_jobs_in_one_go(storage: Storage, connection: Any) -> None:
    answers = storage.producer.enqueue([a_job() for _ in range(300)], connection)
    connection.execute("COMMIT")

    assert [claim.id for claim in Hand(storage).claim(rows=256)] == [answer.id for answer in answers[:256]]


def test_a_key_that_is_held_is_answered_with_its_holder(storage: Storage, connection: Any) -> None:
    connection.execute("ROLLBACK")
    holder = enqueue(storage, unique_key="k")
    connection.execute("BEGIN")

    (answer,) = storage.producer.enqueue([a_job(unique_key="k")], connection)

    assert (answer.id, answer.deduplicated) == (holder, True)


def test_the_bell_rings_with_the_commit(storage: Storage, connection: Any) -> None:
    bell = storage.doorbell("host-a")
    try:
        storage.producer.enqueue([a_job(queue="media"), a_job(queue="media")], connection)
        storage.producer.enqueue([a_job(queue="other")], connection)
        assert is_silent(bell)

        connection.execute("COMMIT")

        assert sorted(heard(bell, 2)) == [("media", 2, None), ("other", 1, None)]
    finally:
        bell.close()


def test_nothing_rings_for_what_was_rolled_back(storage: Storage, connection: Any) -> None:
    bell = storage.doorbell("host-a")
    try:
        storage.producer.enqueue([a_job(queue="media")], connection)
        connection.execute("ROLLBACK")
        connection.execute("BEGIN")
        storage.producer.enqueue([a_job(queue="other")], connection)
        connection.execute("COMMIT")

        assert heard(bell) == [("other", 1, None)]
        assert is_silent(bell)
    finally:
        bell.close()


def test_the_callers_settings_are_left_alone(storage: Storage, connection: Any) -> None:
    storage.producer.enqueue([a_job(unique_key="k")], connection)

    ((told,),) = connection.execute("SELECT 'x'").fetchall()

    assert told == "x"
    connection.execute("COMMIT")


def test_a_connection_in_no_transaction_is_refused(storage: Storage, backend: Backend) -> None:
    storage.operator.counts()

    with pytest.raises(InvalidValue, match="no transaction is open"):
        storage.producer.enqueue([a_job()], backend.connection())


@pytest.mark.parametrize("thing", ["postgresql://db/jobs", 5, object()])
def test_what_is_no_connection_is_refused(storage: Storage, thing: object) -> None:
    with pytest.raises(InvalidValue, match=r"^connection is a builtins\.(str|int|object): give an"):
        storage.producer.enqueue([a_job()], thing)


def test_two_threads_of_transactions_keep_a_key_apart(storage: Storage, connection: Any, backend: Backend) -> None:
    (first,) = storage.producer.enqueue([a_job(unique_key="k")], connection)
    connection.execute("COMMIT")
    other = backend.connection()
    other.execute("BEGIN")

    (second,) = storage.producer.enqueue([a_job(unique_key="k")], other)
    other.execute("COMMIT")

    assert (second.id, second.deduplicated) == (first.id, True)
