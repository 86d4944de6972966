"""The fence: (process id, claim number) names one claim for ever, and every end matches only the claim it names."""

from __future__ import annotations

import msgspec
import pytest

from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim, Ended
from tests.support.builders import enqueue, enqueue_some, only, record
from tests.support.hands import Hand


def ends(hand: Hand, claim: Claim) -> dict[str, Ended]:
    return {
        "done": hand.done(claim, result=b'"late"'),
        "failed": hand.failed(claim, message="late"),
        "dead": hand.dead(claim, message="late"),
        "back": hand.back(claim),
    }


@pytest.fixture(params=["done", "failed", "dead", "back"])
def how(request: pytest.FixtureRequest) -> str:
    return request.param


def test_an_end_that_comes_after_the_job_was_given_to_another_is_refused(storage: Storage, how: str) -> None:
    enqueue(storage)
    late, other = Hand(storage), Hand(storage)
    claim = late.take()
    late.hand_in(late.back(claim))  # as the coordinator does for a worker that stands still
    mine = other.take()

    assert late.hand_in(ends(late, claim)[how]) == [claim.claim_no]

    found = record(storage, claim.id)
    assert (found.status, found.process_id, found.result) == (Status.IN_PROGRESS, other.process_id, None)
    assert found.error_history == ()
    assert other.hand_in(other.done(mine)) == []


def test_an_end_that_comes_after_the_other_has_finished_is_refused(storage: Storage, how: str) -> None:
    enqueue(storage)
    late, other = Hand(storage), Hand(storage)
    claim = late.take()
    late.hand_in(late.back(claim))
    other.finish(result=b'"in time"')

    assert late.hand_in(ends(late, claim)[how]) == [claim.claim_no]

    found = record(storage, claim.id)
    assert (found.status, found.result, found.error_history) == (Status.DONE, b'"in time"', ())


def test_an_end_of_an_earlier_claim_of_the_same_process_is_refused(storage: Storage, how: str) -> None:
    enqueue(storage)
    hand = Hand(storage)
    first = hand.take()
    hand.hand_in(hand.failed(first))
    second = hand.take()

    assert hand.hand_in(ends(hand, first)[how]) == [first.claim_no]
    assert record(storage, second.id).status is Status.IN_PROGRESS
    assert hand.hand_in(hand.done(second)) == []


def test_ends_other_than_given_back_are_refused_after_the_claim_was_given_back(storage: Storage) -> None:
    ids = enqueue_some(storage, 3)
    hand = Hand(storage)
    claims = hand.claim(rows=3)
    hand.hand_in(*map(hand.back, claims))

    refused = hand.hand_in(hand.done(claims[0]), hand.failed(claims[1]), hand.dead(claims[2]))

    assert sorted(refused) == [1, 2, 3]
    assert [record(storage, i).status for i in ids] == ["pending"] * 3


def test_an_end_that_is_handed_in_again_counts_as_accepted(storage: Storage, how: str) -> None:
    enqueue(storage)
    hand = Hand(storage)
    end = ends(hand, hand.take())[how]

    assert hand.hand_in(end) == []
    before = (record(storage, end.id), storage.operator.counts())
    assert hand.hand_in(end) == []

    assert (record(storage, end.id), storage.operator.counts()) == before


def test_a_whole_exchange_may_be_repeated(storage: Storage) -> None:
    enqueue_some(storage, 4)
    hand = Hand(storage)
    a, b, c, d = hand.claim(rows=4)
    ended = [hand.done(a), hand.failed(b, wait=9), hand.dead(c), hand.back(d, wait=9)]

    assert hand.hand_in(*ended) == []
    assert hand.hand_in(*ended) == []

    counts = storage.operator.counts()["default"]
    assert (counts.done, counts.failed, counts.dead, counts.scheduled) == (1, 1, 1, 1)
    assert len(record(storage, b.id).error_history) == 1


def test_a_refused_end_does_not_hinder_the_others(storage: Storage) -> None:
    enqueue_some(storage, 3)
    hand, other = Hand(storage), Hand(storage)
    a, b, c = hand.claim(rows=3)
    hand.hand_in(hand.back(b))
    other.take()

    assert hand.hand_in(hand.done(a), hand.done(b), hand.failed(c, wait=9)) == [b.claim_no]
    assert [record(storage, x.id).status for x in (a, b, c)] == ["done", "in_progress", "failed"]


def test_another_process_cannot_end_a_claim_by_its_number(storage: Storage, how: str) -> None:
    enqueue(storage)
    hand, thief = Hand(storage), Hand(storage)
    claim = hand.take()

    assert thief.hand_in(ends(thief, claim)[how]) == [claim.claim_no]
    assert record(storage, claim.id).status is Status.IN_PROGRESS


def test_an_end_of_a_job_that_was_deleted_meanwhile_is_refused(storage: Storage, how: str) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    hand.hand_in(hand.back(claim))
    storage.operator.delete(only(claim.id), 1, 0)

    assert hand.hand_in(ends(hand, claim)[how]) == [claim.claim_no]


def test_a_process_that_is_not_registered_gets_nothing_done(storage: Storage) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    claim = hand.take()
    storage.registry.bury(hand.process_id, [], "host-a")

    answer = storage.worker_queue.exchange(hand.process_id, [hand.done(claim)], hand.want(rows=5))

    assert answer is None
    assert record(storage, claim.id).status is Status.IN_PROGRESS
    assert storage.operator.counts()["default"].pending == 1


def test_a_process_nobody_has_announced_gets_nothing_done(storage: Storage) -> None:
    enqueue(storage)
    stranger = msgspec.structs.replace(Hand(storage).want())

    assert storage.worker_queue.exchange(12345, [], stranger) is None
    assert storage.operator.counts()["default"].pending == 1
