"""What an attempt used is recorded with its end: CPU time and peak memory, of the last attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim, Ended
from tests.support.builders import ALL, enqueue, enqueue_some, only, record
from tests.support.hands import Hand

USED = {"cpu_time": 1_500_000, "peak_memory": 2**40}

End = Callable[..., Ended]


def done(hand: Hand, claim: Claim, **used: Any) -> Ended:
    return hand.ended(claim, Status.DONE, result=b"1", **used)


ENDS: list[End] = [done, Hand.failed, Hand.dead, Hand.back]


def used(storage: Storage, job_id: str) -> tuple[int | None, int | None]:
    found = record(storage, job_id)
    return found.cpu_time, found.peak_memory


def test_before_its_first_attempt_a_job_has_used_nothing(storage: Storage) -> None:
    job_id = enqueue(storage)
    assert used(storage, job_id) == (None, None)
    Hand(storage).take()
    assert used(storage, job_id) == (None, None)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_what_an_attempt_used_is_recorded_however_it_ended(storage: Storage, end: End) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()

    assert hand.hand_in(end(hand, claim, **USED)) == []

    assert used(storage, claim.id) == (1_500_000, 2**40)
    for wanted in (ALL, only(claim.id)):
        (found,) = storage.operator.find(wanted, 10, None)[0]
        assert (found.cpu_time, found.peak_memory) == (1_500_000, 2**40)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_what_is_not_known_is_not_recorded(storage: Storage, end: End) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()

    hand.hand_in(end(hand, claim))

    assert used(storage, claim.id) == (None, None)


def test_nothing_used_is_something_known(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()

    hand.hand_in(done(hand, claim, cpu_time=0, peak_memory=0))

    assert used(storage, claim.id) == (0, 0)


def test_the_last_attempt_counts(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.hand_in(hand.failed(hand.take(), cpu_time=1, peak_memory=1))
    claim = hand.take()

    hand.hand_in(done(hand, claim, cpu_time=2, peak_memory=3))

    assert used(storage, claim.id) == (2, 3)


def test_each_job_of_one_exchange_has_its_own(storage: Storage) -> None:
    enqueue_some(storage, 4)
    hand = Hand(storage)
    claims = hand.claim(rows=4)

    hand.hand_in(
        *(
            end(hand, claim, cpu_time=n, peak_memory=10 + n)
            for n, (end, claim) in enumerate(zip(ENDS, claims, strict=True))
        )
    )

    assert [used(storage, claim.id) for claim in claims] == [(0, 10), (1, 11), (2, 12), (3, 13)]


def test_what_a_cancelled_job_had_used_is_recorded(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    storage.operator.cancel(only(claim.id), 10, 0)

    hand.hand_in(hand.failed(claim, **USED))

    assert record(storage, claim.id).status is Status.DEAD
    assert used(storage, claim.id) == (1_500_000, 2**40)


def test_an_end_that_is_refused_records_nothing(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    hand.hand_in(hand.back(claim))
    other = Hand(storage)
    other.take()

    assert hand.hand_in(done(hand, claim, **USED)) == [claim.claim_no]

    assert used(storage, claim.id) == (None, None)


def test_what_a_dead_worker_had_used_is_recorded_when_it_is_buried(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()

    storage.registry.bury(hand.process_id, [hand.dead(claim, **USED)], "host-a")

    assert used(storage, claim.id) == (1_500_000, 2**40)
