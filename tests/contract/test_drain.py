"""Upkeep.unfinished: what holds a drain."""

from __future__ import annotations

from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import a_living_host, a_queue, enqueue, enqueue_some
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def held(storage: Storage, *queues: str) -> bool:
    return storage.upkeep.unfinished(queues or ("default",), ["work"]) > 0


def test_an_empty_queue_holds_nothing(storage: Storage) -> None:
    assert not held(storage)


def test_a_ready_job_holds(storage: Storage) -> None:
    enqueue(storage)

    assert held(storage)


def test_a_running_job_holds(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    assert held(storage)

    hand.hand_in(hand.done(claim))
    assert not held(storage)


def test_a_job_that_waits_for_its_next_attempt_holds(storage: Storage) -> None:
    enqueue(storage)
    Hand(storage).fail(wait=1800)

    assert held(storage)


def test_finished_jobs_do_not_hold(storage: Storage) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    hand.finish()
    hand.bury_one()

    assert not held(storage)


def test_a_job_scheduled_for_later_does_not_hold(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage, run_at=clock.now() + 1)

    assert not held(storage)


def test_a_job_of_a_kind_the_host_does_not_know_does_not_hold(storage: Storage, backend: Backend) -> None:
    enqueue(storage, "strange")
    assert not held(storage)

    a_living_host(storage, backend, kinds=["work"])
    storage.upkeep.park_unserved(10)
    assert not held(storage)


def test_other_queues_do_not_hold(storage: Storage) -> None:
    enqueue(storage, queue="other")

    assert not held(storage)
    assert held(storage, "default", "other")


def test_what_waits_in_a_paused_queue_does_not_hold_and_what_runs_there_does(storage: Storage) -> None:
    a_queue(storage)
    enqueue_some(storage, 2)
    hand = Hand(storage)
    claim = hand.take()
    storage.queue_config.change_queue("default", {"paused": True})
    assert held(storage)

    hand.hand_in(hand.failed(claim, wait=60))
    assert not held(storage)
