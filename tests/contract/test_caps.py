"""A queue's cap: no more processes than that hold its jobs, in the whole cluster, however they meet."""

from __future__ import annotations

import pytest

from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import a_queue, enqueue_some, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.together import together


def test_no_more_workers_than_the_cap_hold_jobs(storage: Storage) -> None:
    a_queue(storage, max_workers=2)
    enqueue_some(storage, 9)
    one, two, three = Hand(storage), Hand(storage), Hand(storage)

    assert (len(one.claim(rows=2)), len(two.claim(rows=2)), len(three.claim(rows=2))) == (2, 2, 0)


def test_a_worker_that_holds_jobs_may_claim_more(storage: Storage) -> None:
    a_queue(storage, max_workers=1)
    enqueue_some(storage, 3)
    hand = Hand(storage)
    first = hand.take()

    assert len(hand.exchange(hand.done(first)).claims) == 1
    assert len(hand.claim()) == 1


def test_whoever_ends_its_jobs_makes_room(storage: Storage) -> None:
    a_queue(storage, max_workers=1)
    enqueue_some(storage, 3)
    one, other = Hand(storage), Hand(storage)
    claim = one.take()
    assert other.claim() == []

    one.hand_in(one.done(claim))

    assert len(other.claim()) == 1


def test_a_cap_of_none_lets_nobody_in(storage: Storage) -> None:
    a_queue(storage, max_workers=0)
    enqueue_some(storage, 1)

    assert Hand(storage).claim() == []


def test_jobs_of_other_queues_do_not_count(storage: Storage) -> None:
    a_queue(storage, "default", max_workers=1)
    a_queue(storage, "media", max_workers=1)
    enqueue_some(storage, 1)
    enqueue_some(storage, 1, queue="media")

    assert len(Hand(storage).claim()) == 1
    assert len(Hand(storage, queue="media").claim()) == 1


@pytest.mark.parametrize("cap", [1, 3])
def test_the_cap_holds_when_many_claim_at_once(backend: Backend, clock: FakeClock, cap: int) -> None:
    storage = backend.open(clock)
    a_queue(storage, max_workers=cap)
    ids = enqueue_some(storage, 200)
    at_work: list[int] = []

    def claimant(mine: Storage) -> None:
        hand = Hand(mine)
        for _ in range(10_000):
            claims = hand.claim()
            if not claims:
                if not mine.operator.counts()["default"].pending:
                    return
                continue
            at_work.append(len(mine.registry.census("nobody", []).holding))
            assert hand.hand_in(hand.done(claims[0])) == []

    together(backend, clock, claimant)

    assert {record(storage, i).status for i in ids} == {Status.DONE}
    assert max(at_work) <= cap
