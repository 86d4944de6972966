"""WorkerQueue.give_back_unknown: after an exchange whose outcome is not known."""

from __future__ import annotations

from forge_jobs.model.states import Cause, Gate, Status
from forge_jobs.storage import Storage
from tests.support.builders import enqueue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def test_claims_the_worker_does_not_know_go_back_with_their_attempt(storage: Storage) -> None:
    ids = enqueue_some(storage, 4)
    hand = Hand(storage)
    hand.claim(rows=4)

    assert storage.worker_queue.give_back_unknown(hand.process_id, [2, 3]) == 2

    found = [record(storage, i) for i in ids]
    assert [f.status for f in found] == ["pending", "in_progress", "in_progress", "pending"]
    assert [f.attempts for f in found] == [0, 1, 1, 0]
    assert [f.gate for f in found] == [Gate.READY, None, None, Gate.READY]


def test_they_go_back_to_their_old_place_in_line(storage: Storage, clock: FakeClock) -> None:
    ids = enqueue_some(storage, 3)
    hand = Hand(storage)
    hand.claim(rows=2)
    clock.advance(5)

    storage.worker_queue.give_back_unknown(hand.process_id, [])

    assert [claim.id for claim in hand.claim(rows=3)] == ids


def test_a_second_time_there_is_nothing_to_give_back(storage: Storage) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    hand.claim(rows=2)

    assert storage.worker_queue.give_back_unknown(hand.process_id, []) == 2
    assert storage.worker_queue.give_back_unknown(hand.process_id, []) == 0


def test_the_claims_of_others_are_not_touched(storage: Storage) -> None:
    enqueue_some(storage, 2)
    one, other = Hand(storage), Hand(storage)
    one.take()
    theirs = other.take()

    storage.worker_queue.give_back_unknown(one.process_id, [])

    assert record(storage, theirs.id).status is Status.IN_PROGRESS


def test_crashes_in_a_row_are_remembered(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.hand_in(hand.failed(hand.take(), crashes=2))
    hand.take()

    storage.worker_queue.give_back_unknown(hand.process_id, [])

    assert hand.take().crashes == 2


def test_a_late_end_of_what_was_given_back_is_refused(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    storage.worker_queue.give_back_unknown(hand.process_id, [])

    assert hand.hand_in(hand.done(claim)) == [claim.claim_no]


def test_a_claim_that_somebody_wanted_cancelled_does_not_go_back(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    storage.operator.cancel(only(claim.id), 1, 0)

    storage.worker_queue.give_back_unknown(hand.process_id, [])

    found = record(storage, claim.id)
    assert (found.status, [e.cause for e in found.error_history]) == (Status.DEAD, [Cause.CANCELLED])
    assert storage.operator.counts()["default"].dead == 1
