"""WorkerQueue.exchange, the half that records ends."""

from __future__ import annotations

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.states import Gate, Status
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import given_back
from tests.support.builders import enqueue, enqueue_some, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def test_a_job_that_went_well_is_done_with_its_result(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    clock.advance(2)

    assert hand.hand_in(hand.done(claim, result=b"[1,2]")) == []

    found = record(storage, claim.id)
    assert (found.status, found.gate, found.result) == (Status.DONE, None, b"[1,2]")
    assert (found.started_at, found.finished_at) == (clock.now(), clock.now())
    assert found.attempts == 1


def test_the_claim_stays_on_the_row_after_its_end(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)

    found = record(storage, hand.finish())

    assert (found.process_id, found.claim_no) == (hand.process_id, 1)


def test_a_failed_attempt_waits_for_the_next_one(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)

    job_id = Hand(storage).fail(wait=30, message="no luck")

    found = record(storage, job_id)
    assert (found.status, found.gate, found.finished_at) == (Status.FAILED, Gate.WAITING, None)
    assert found.scheduled_at == clock.now() + 30 * MICROSECONDS
    assert found.attempts == 1
    (entry,) = found.error_history
    assert (entry.message, entry.attempt, entry.at) == ("no luck", 1, clock.now())


def test_a_failed_attempt_without_a_wait_is_ready_at_once(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)

    job_id = hand.fail(wait=0)

    assert record(storage, job_id).gate is Gate.READY
    again = hand.take()
    assert (again.id, again.attempt) == (job_id, 2)


def test_a_job_that_is_not_tried_again_is_dead(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)

    found = record(storage, Hand(storage).bury_one(message="hopeless"))

    assert (found.status, found.gate, found.finished_at) == (Status.DEAD, None, clock.now())
    assert [entry.message for entry in found.error_history] == ["hopeless"]


def test_a_job_that_is_given_back_keeps_its_attempt(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()

    assert hand.hand_in(hand.back(claim, wait=30)) == []

    found = record(storage, claim.id)
    assert (found.status, found.gate, found.attempts) == (Status.PENDING, Gate.WAITING, 0)
    assert found.scheduled_at == clock.now() + 30 * MICROSECONDS
    assert found.error_history == ()


def test_a_job_may_be_given_back_for_ever_without_losing_an_attempt(storage: Storage) -> None:
    enqueue(storage, max_attempts=1)
    hand = Hand(storage)
    for _ in range(5):
        claim = hand.take()
        assert claim.attempt == 1
        hand.hand_in(hand.back(claim))


def test_a_claim_that_counts_as_never_made_goes_back_to_its_old_place_in_line(
    storage: Storage, clock: FakeClock
) -> None:
    first, second = enqueue_some(storage, 2)
    hand = Hand(storage)
    before = record(storage, first)
    claim = hand.take()
    clock.advance(5)

    assert hand.hand_in(given_back(claim, hand.process_id, clock.now())) == []

    found = record(storage, first)
    assert (found.status, found.gate, found.attempts) == (Status.PENDING, Gate.READY, 0)
    assert found.scheduled_at == before.scheduled_at
    assert [c.id for c in hand.claim(rows=2)] == [first, second]


def test_crashes_in_a_row_are_handed_to_the_next_claimant(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.hand_in(hand.failed(hand.take(), crashes=1))
    second = hand.take()
    hand.hand_in(hand.back(second, crashes=second.crashes))
    third = hand.take()
    hand.hand_in(hand.failed(third, crashes=0))
    fourth = hand.take()

    assert [claim.crashes for claim in (second, third, fourth)] == [1, 1, 0]


def test_many_ends_of_all_sorts_are_recorded_in_one_exchange(storage: Storage) -> None:
    ids = enqueue_some(storage, 8)
    hand = Hand(storage)
    a, b, c, d, e, f = hand.claim(rows=6)

    exchanged = hand.exchange(
        hand.done(a), hand.failed(b, wait=5), hand.done(c), hand.dead(d), hand.back(e, wait=5), hand.done(f), rows=9
    )

    assert exchanged.refused == []
    assert [claim.id for claim in exchanged.claims] == ids[6:]
    assert [record(storage, i).status for i in ids[:6]] == ["done", "failed", "done", "dead", "pending", "done"]


def test_what_is_given_back_can_be_claimed_in_the_same_exchange(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()

    (again,) = hand.exchange(hand.back(claim)).claims

    assert (again.id, again.claim_no, again.attempt) == (claim.id, 2, 1)


def test_the_times_of_the_last_attempt_are_those_handed_in(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.fail()
    clock.advance(10)

    found = record(storage, hand.finish())

    assert found.started_at == clock.now()
    assert found.enqueued_at == clock.now() - 10 * MICROSECONDS
