"""A job's error history: the newest 32 lines, oldest first."""

from __future__ import annotations

from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Cause, Status
from forge_jobs.storage import Storage
from tests.support.builders import enqueue, enqueue_some, only, record
from tests.support.hands import Hand


def test_every_failed_attempt_adds_a_line(storage: Storage) -> None:
    job_id = enqueue(storage)
    hand = Hand(storage)
    for number in range(1, 4):
        hand.fail(message=f"attempt {number}")

    history = record(storage, job_id).error_history

    assert [(e.attempt, e.message) for e in history] == [(1, "attempt 1"), (2, "attempt 2"), (3, "attempt 3")]


def test_the_newest_32_lines_are_kept(storage: Storage) -> None:
    job_id = enqueue(storage, max_attempts=1000)
    hand = Hand(storage)
    for number in range(40):
        hand.fail(message=f"attempt {number}")

    history = record(storage, job_id).error_history

    assert [e.message for e in history] == [f"attempt {number}" for number in range(8, 40)]


def test_a_line_comes_back_with_all_that_was_known(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    entry = ErrorEntry(
        at=1_700_000_000_000_001,
        attempt=1,
        cause=Cause.CRASHED,
        message="the worker died",
        traceback="Traceback …",
        host="machine",
        pid=4711,
        exit_signal="SIGSEGV",
        exit_code=3,
        cpu_seconds=1.25,
        peak_memory=123_456_789_012,
    )

    hand.hand_in(hand.ended(claim, Status.DEAD, error=entry))

    assert record(storage, claim.id).error_history == (entry,)


def test_each_job_has_a_history_of_its_own(storage: Storage) -> None:
    one, other = enqueue_some(storage, 2)
    hand = Hand(storage)
    hand.bury_one(message="one")
    hand.bury_one(message="other")

    assert [e.message for e in record(storage, one).error_history] == ["one"]
    assert [e.message for e in record(storage, other).error_history] == ["other"]


def test_a_success_keeps_the_history(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.fail(message="at first")

    assert [e.message for e in record(storage, hand.finish()).error_history] == ["at first"]


def test_an_operators_retry_keeps_the_history(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    job_id = hand.bury_one(message="before")
    storage.operator.retry(only(job_id), 1, 0)
    hand.bury_one(message="after")

    assert [e.message for e in record(storage, job_id).error_history] == ["before", "after"]


def test_a_listing_shows_the_histories_too(storage: Storage) -> None:
    enqueue(storage)
    job_id = Hand(storage).bury_one(message="seen")

    (found,), _cursor = storage.operator.find(only(job_id), 5, None)

    assert [e.message for e in found.error_history] == ["seen"]


def test_the_history_goes_with_its_job(storage: Storage) -> None:
    enqueue(storage)
    job_id = Hand(storage).bury_one()
    storage.operator.delete(only(job_id), 1, 0)

    fresh = enqueue(storage)

    assert record(storage, fresh).error_history == ()
