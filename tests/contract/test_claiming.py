"""WorkerQueue.exchange, the half that claims: who gets what, in which order, how much of it."""

from __future__ import annotations

import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from tests.support.builders import a_job, a_queue, enqueue, enqueue_some, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def test_a_claimed_job_is_in_progress_under_its_claimant(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage, "work", payload=b'{"n":1}', max_attempts=4)
    hand = Hand(storage)
    clock.advance(3)

    claim = hand.take()

    assert (claim.id, claim.kind, claim.queue, claim.payload) == (job_id, "work", "default", b'{"n":1}')
    assert (claim.claim_no, claim.attempt, claim.max_attempts, claim.crashes) == (1, 1, 4, 0)
    found = record(storage, job_id)
    assert (found.status, found.gate, found.attempts) == (Status.IN_PROGRESS, None, 1)
    assert (found.process_id, found.claim_no) == (hand.process_id, 1)
    assert found.started_at == clock.now()


def test_an_empty_queue_gives_nothing(storage: Storage) -> None:
    assert Hand(storage).claim(rows=10) == []


def test_a_job_is_claimed_once(storage: Storage) -> None:
    enqueue(storage)
    one, other = Hand(storage), Hand(storage)

    assert len(one.claim()) == 1
    assert other.claim() == []
    assert one.claim() == []


def test_two_workers_get_different_jobs(storage: Storage) -> None:
    ids = enqueue_some(storage, 2)

    assert [Hand(storage).take().id, Hand(storage).take().id] == ids


def test_a_job_that_is_scheduled_is_not_claimed_before_its_time(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage, run_at=clock.now() + 60 * MICROSECONDS)
    hand = Hand(storage)

    clock.advance(59)
    storage.upkeep.open_due(10)
    assert hand.claim() == []

    clock.advance(1)
    storage.upkeep.open_due(10)
    assert len(hand.claim()) == 1


def test_jobs_alike_are_claimed_in_the_order_of_their_arrival(storage: Storage) -> None:
    one_by_one = [enqueue(storage) for _ in range(3)]
    in_bulk = enqueue_some(storage, 3)
    hand = Hand(storage)

    assert [hand.take().id for _ in range(6)] == one_by_one + in_bulk


def test_the_lower_priority_goes_first_then_the_earlier_due_time_then_arrival(
    storage: Storage, clock: FakeClock
) -> None:
    now = clock.now()
    orders = [(0, 0), (5, -9), (0, -3), (-2, 0), (0, -3), (-(2**31), 0), (2**31 - 1, -99), (-2, -1)]
    jobs = [a_job(priority=p, run_at=now + due * MICROSECONDS) for p, due in orders]
    storage.producer.enqueue(jobs)

    claimed = [c.id for c in Hand(storage).claim(rows=20)]

    expected = sorted(range(len(jobs)), key=lambda i: (orders[i][0], orders[i][1], i))
    assert claimed == [jobs[i].id for i in expected]


def test_a_retried_job_goes_behind_newer_ones_that_were_due_earlier(storage: Storage, clock: FakeClock) -> None:
    first, second = enqueue_some(storage, 2)
    hand = Hand(storage)
    clock.advance(1)
    assert hand.fail() == first

    assert [hand.take().id for _ in range(2)] == [second, first]


def test_claims_are_numbered_in_the_order_to_run_them(storage: Storage) -> None:
    enqueue_some(storage, 5)
    hand = Hand(storage)

    assert [c.claim_no for c in hand.claim(rows=2)] == [1, 2]
    assert [c.claim_no for c in hand.claim(rows=3)] == [3, 4, 5]


def test_a_worker_gets_jobs_of_its_queue_only(storage: Storage) -> None:
    enqueue(storage, queue="other")
    mine = enqueue(storage, queue="mine")

    assert [c.id for c in Hand(storage, queue="mine").claim(rows=9)] == [mine]


def test_a_worker_gets_jobs_of_its_kinds_only(storage: Storage) -> None:
    enqueue(storage, "strange")
    known = [enqueue(storage, "one"), enqueue(storage, "two")]

    assert [c.id for c in Hand(storage, kinds=["one", "two"]).claim(rows=9)] == known


def test_a_worker_without_kinds_gets_nothing(storage: Storage) -> None:
    enqueue(storage)

    assert Hand(storage, kinds=[]).claim() == []


def test_a_paused_queue_gives_nothing_and_still_takes_what_has_ended(storage: Storage) -> None:
    a_queue(storage)
    enqueue_some(storage, 2)
    hand = Hand(storage)
    claim = hand.take()
    storage.queue_config.change_queue("default", {"paused": True})

    exchanged = hand.exchange(hand.done(claim), rows=5)

    assert (exchanged.claims, exchanged.refused, exchanged.settings.paused) == ([], [], True)
    assert record(storage, claim.id).status is Status.DONE

    storage.queue_config.change_queue("default", {"paused": False})
    assert len(hand.claim()) == 1


def test_an_exchange_tells_the_queues_settings(storage: Storage) -> None:
    settings = a_queue(storage, backoff_base=3.5, keep_done=2)

    assert Hand(storage).exchange().settings == settings


def test_a_queue_nobody_has_created_has_the_settings_of_a_new_one(storage: Storage) -> None:
    told = Hand(storage, queue="new").exchange().settings

    assert (told.name, told.backoff_enabled, told.backoff_base, told.backoff_max) == ("new", True, 10.0, 1800.0)


@pytest.mark.parametrize("nothing", [0, 1])
def test_a_worker_that_wants_nothing_only_hands_in(storage: Storage, nothing: int) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    claim = hand.take()

    assert hand.hand_in(*[hand.done(claim)][:nothing]) == []
    assert storage.operator.counts()["default"].pending == 1
