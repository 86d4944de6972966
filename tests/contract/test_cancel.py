"""Operator.cancel: waiting jobs end at once, running ones are asked, finished ones stay as they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forge_jobs.model.states import Cause, Status
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim, Ended, given_back
from forge_jobs.storage.records import Batch, JobFilter
from tests.support.builders import enqueue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def cancel(storage: Storage, *job_ids: str) -> Batch:
    return storage.operator.cancel(only(*job_ids), 100, 0)


def test_a_job_that_waits_is_dead_at_once(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage)

    batch = cancel(storage, job_id)

    assert (batch.changed, batch.requested, batch.skipped) == ([job_id], [], [])
    found = record(storage, job_id)
    assert (found.status, found.gate, found.finished_at, found.attempts) == (Status.DEAD, None, clock.now(), 0)
    assert [entry.cause for entry in found.error_history] == [Cause.CANCELLED]
    assert Hand(storage).claim() == []


def test_a_scheduled_job_is_dead_at_once(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage, run_at=clock.now() + 60_000_000)

    assert cancel(storage, job_id).changed == [job_id]
    assert storage.upkeep.open_due(10).next_due is None


def test_a_job_that_waits_for_its_next_attempt_is_dead_at_once(storage: Storage) -> None:
    enqueue(storage)
    job_id = Hand(storage).fail(wait=60)

    assert cancel(storage, job_id).changed == [job_id]
    found = record(storage, job_id)
    assert found.status is Status.DEAD
    assert [entry.cause for entry in found.error_history] == [Cause.ERROR, Cause.CANCELLED]


def test_a_running_job_is_asked_and_goes_on(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)
    claim = Hand(storage).take()

    batch = cancel(storage, claim.id)

    assert (batch.changed, batch.requested, batch.skipped) == ([], [claim.id], [])
    found = record(storage, claim.id)
    assert (found.status, found.cancel_requested_at) == (Status.IN_PROGRESS, clock.now())


def test_the_first_request_counts(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)
    claim = Hand(storage).take()
    cancel(storage, claim.id)
    first = clock.now()
    clock.advance(5)

    assert cancel(storage, claim.id).requested == [claim.id]
    assert record(storage, claim.id).cancel_requested_at == first


NotDone = Callable[[Hand, Claim], Ended]
NOT_DONE: list[NotDone] = [
    lambda hand, claim: hand.failed(claim, wait=60),
    lambda hand, claim: hand.back(claim),
    lambda hand, claim: hand.dead(claim),
]


@pytest.mark.parametrize("ending", NOT_DONE, ids=["failed", "given back", "dead"])
def test_a_job_that_was_asked_is_not_tried_again(storage: Storage, ending: NotDone) -> None:
    enqueue(storage, unique_key="k")
    hand = Hand(storage)
    claim = hand.take()
    cancel(storage, claim.id)

    assert hand.hand_in(ending(hand, claim)) == []

    found = record(storage, claim.id)
    assert (found.status, found.gate, found.cancel_requested_at) == (Status.DEAD, None, None)
    assert storage.operator.counts()["default"].dead == 1


@pytest.mark.parametrize("ending", NOT_DONE[:2], ids=["failed", "given back"])
def test_the_history_says_that_it_was_cancelled_in_which_attempt(storage: Storage, ending: NotDone) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.fail()
    claim = hand.take()
    cancel(storage, claim.id)

    hand.hand_in(ending(hand, claim))

    entry = record(storage, claim.id).error_history[-1]
    assert (entry.cause, entry.attempt) == (Cause.CANCELLED, 2)


def test_a_held_job_never_starts_and_gets_its_attempt_back(storage: Storage, clock: FakeClock) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    _running, held = hand.claim(rows=2)
    cancel(storage, held.id)

    assert hand.hand_in(given_back(held, hand.process_id, clock.now())) == []

    found = record(storage, held.id)
    assert (found.status, found.gate, found.attempts, found.started_at) == (Status.DEAD, None, 0, None)
    (entry,) = found.error_history
    assert (entry.cause, entry.message, entry.attempt) == (Cause.CANCELLED, "cancelled before it ran", 1)
    assert storage.operator.counts()["default"].dead == 1
    assert hand.claim() == []


def test_a_job_that_ran_and_waits_to_run_again_had_begun(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    cancel(storage, claim.id)

    hand.hand_in(hand.back(claim, wait=5))

    found = record(storage, claim.id)
    assert (found.status, found.attempts) == (Status.DEAD, 1)
    assert found.error_history[-1].message == "cancelled while it was running"


def test_a_held_job_that_had_failed_before_keeps_the_attempts_it_has_had(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.fail()
    held = hand.take()
    cancel(storage, held.id)

    hand.hand_in(given_back(held, hand.process_id, clock.now()))

    found = record(storage, held.id)
    assert (found.status, found.attempts) == (Status.DEAD, 1)


def test_the_history_still_says_how_the_attempt_ended(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    cancel(storage, claim.id)
    hand.hand_in(hand.failed(claim, message="it blew up"))

    assert "it blew up" in record(storage, claim.id).error_history[-1].message


@pytest.mark.parametrize("ending", NOT_DONE, ids=["failed", "given back", "dead"])
def test_the_end_of_a_cancelled_job_may_be_handed_in_again(storage: Storage, ending: NotDone) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    cancel(storage, claim.id)
    end = ending(hand, claim)

    assert hand.hand_in(end) == []
    assert hand.hand_in(end) == []
    assert len(record(storage, claim.id).error_history) == 1


def test_a_success_stands_though_a_cancel_was_asked_for(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    cancel(storage, claim.id)

    assert hand.hand_in(hand.done(claim, result=b"7")) == []

    found = record(storage, claim.id)
    assert (found.status, found.result, found.cancel_requested_at) == (Status.DONE, b"7", None)
    assert found.error_history == ()


@pytest.mark.parametrize("end", ["finish", "bury_one"])
def test_a_finished_job_stays_as_it_is(storage: Storage, end: str) -> None:
    enqueue(storage)
    job_id = getattr(Hand(storage), end)()
    before = record(storage, job_id)

    batch = cancel(storage, job_id)

    assert (batch.changed, batch.requested, batch.skipped) == ([], [], [job_id])
    assert record(storage, job_id) == before


def test_a_wish_to_cancel_does_not_outlive_the_attempt_it_was_meant_for(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    cancel(storage, claim.id)
    hand.hand_in(hand.failed(claim))
    storage.operator.retry(only(claim.id), 1, 0)

    again = hand.take()

    assert record(storage, again.id).cancel_requested_at is None
    hand.hand_in(hand.failed(again, wait=60))
    assert record(storage, again.id).status is Status.FAILED


def test_cancel_by_filter_reaches_the_jobs_that_match(storage: Storage) -> None:
    enqueue(storage, "keep")
    running, *waiting = enqueue_some(storage, 3, "drop")
    hand = Hand(storage, kinds=["drop"])
    hand.take()

    batch = storage.operator.cancel(JobFilter(kind="drop"), 100, 0)

    assert sorted(batch.changed) == sorted(waiting)
    assert batch.requested == [running]
    counts = storage.operator.counts()["default"]
    assert (counts.pending, counts.in_progress, counts.dead) == (1, 1, 2)
