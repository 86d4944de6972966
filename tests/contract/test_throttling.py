"""Throttled jobs: the attempt comes back, the count goes up, and a queue that is to cool down gives out nothing."""

from __future__ import annotations

from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from tests.support.builders import a_queue, enqueue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def throttle(hand: Hand, seconds: float) -> str:
    claim = hand.take()
    assert hand.hand_in(hand.back(claim, wait=seconds, throttled=True)) == []
    return claim.id


def settings(storage: Storage) -> tuple[int, int | None]:
    (queue,) = storage.queue_config.queues()
    return queue.throttles, queue.throttled_until


def test_a_throttled_job_keeps_its_attempt_and_is_counted(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage)
    hand = Hand(storage)

    throttle(hand, 30)

    seen = record(storage, job_id)
    assert (seen.status, seen.attempts, seen.throttles) == (Status.PENDING, 0, 1)
    assert seen.scheduled_at == clock.now() + 30_000_000
    clock.advance(31)
    storage.upkeep.open_due(10)
    assert hand.take().throttles == 1


def test_an_operators_retry_forgets_the_throttles(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage)
    hand = Hand(storage)
    throttle(hand, 1)
    clock.advance(2)
    storage.upkeep.open_due(10)
    hand.bury_one()

    storage.operator.retry(only(job_id), 10, 0)

    assert record(storage, job_id).throttles == 0


def test_without_the_option_a_throttled_job_holds_nobody_up(storage: Storage) -> None:
    a_queue(storage)
    enqueue_some(storage, 2)
    hand = Hand(storage)
    throttle(hand, 30)

    assert len(hand.claim()) == 1
    assert settings(storage) == (0, None)


def test_a_queue_cools_down_for_as_long_as_the_job_waits(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, cool_down=True)
    enqueue_some(storage, 3)
    hand = Hand(storage)

    throttle(hand, 30)

    assert settings(storage) == (1, clock.now() + 30_000_000)
    assert hand.claim() == []
    assert storage.upkeep.look("host-a").ready == {}
    clock.advance(30)
    assert storage.upkeep.look("host-a").ready == {"default": 2}
    assert len(hand.claim()) == 1


def test_only_the_first_throttle_of_a_window_counts(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, cool_down=True)
    enqueue_some(storage, 3)
    hand = Hand(storage)
    claims = hand.claim(3)

    for claim in claims:
        hand.hand_in(hand.back(claim, wait=30, throttled=True))
        clock.advance(1)

    assert settings(storage) == (1, clock.now() + 27_000_000)


def test_the_count_is_clamped_at_thirty(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, cool_down=True)
    enqueue(storage)
    hand = Hand(storage)
    for _ in range(33):
        throttle(hand, 1)
        clock.advance(1)
        storage.upkeep.open_due(10)

    assert settings(storage)[0] == 30


def test_a_success_within_the_window_clears_nothing(storage: Storage) -> None:
    a_queue(storage, cool_down=True)
    enqueue_some(storage, 2)
    hand = Hand(storage)
    one, other = hand.claim(2)
    hand.hand_in(hand.back(one, wait=30, throttled=True))
    before = settings(storage)

    hand.hand_in(hand.done(other))

    assert settings(storage) == before


def test_a_success_after_two_quiet_minutes_forgets_the_throttles(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, cool_down=True)
    enqueue_some(storage, 3)
    hand = Hand(storage)
    throttle(hand, 30)
    clock.advance(30 + 119)
    hand.finish()
    assert settings(storage)[0] == 1

    clock.advance(1)
    hand.finish()

    assert settings(storage) == (0, None)
