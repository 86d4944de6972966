"""Rescue: which processes are dead, and settling what they held."""

from __future__ import annotations

from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import a_living_host, enqueue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def test_nobody_is_dead_where_nobody_is(storage: Storage) -> None:
    assert storage.registry.census("host-a", []).dead == []


def test_of_its_own_workers_a_host_knows_who_lives(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend)
    living, dead = Hand(storage), Hand(storage)

    assert storage.registry.census("host-a", [living.process_id]).dead == [dead.process_id]


def test_workers_of_another_living_host_live(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, "host-a")
    a_living_host(storage, backend, "host-b")
    theirs = Hand(storage, host_id="host-b")
    enqueue(storage)
    theirs.take()

    assert storage.registry.census("host-a", []).dead == []


def test_workers_of_a_host_that_died_are_dead(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, "host-a")
    gone = a_living_host(storage, backend, "host-b")
    one, other = Hand(storage, host_id="host-b"), Hand(storage, host_id="host-b")
    enqueue(storage)
    one.take()
    backend.take_life(gone.life_lock)

    assert storage.registry.census("host-a", []).dead == sorted([one.process_id, other.process_id])


def test_workers_of_a_host_that_was_taken_off_are_dead_after_a_while(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    a_living_host(storage, backend, "host-a")
    stray = Hand(storage, host_id="nobody")
    assert storage.registry.census("host-a", []).dead == [], "it may be quicker than its host"

    clock.advance(seconds=11)

    assert storage.registry.census("host-a", []).dead == [stray.process_id]


def test_a_process_that_holds_claims_and_is_not_registered_is_dead(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, "host-a")
    hand = Hand(storage)
    enqueue(storage)
    hand.take()
    storage.registry.bury(hand.process_id, [], "host-a")

    assert storage.registry.census("host-a", []).dead == [hand.process_id]


def test_a_process_that_has_been_settled_is_not_dead_any_more(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, "host-a")
    hand = Hand(storage)
    enqueue(storage)
    claim = hand.take()

    storage.registry.bury(hand.process_id, [hand.back(claim)], "host-a")

    assert storage.registry.census("host-a", []).dead == []


def test_a_burial_settles_what_the_process_held_and_takes_it_off(storage: Storage) -> None:
    ids = enqueue_some(storage, 3)
    hand = Hand(storage)
    a, b, c = hand.claim(rows=3)

    storage.registry.bury(hand.process_id, [hand.failed(a, crashes=1), hand.back(b), hand.dead(c)], "host-b")

    assert [record(storage, i).status for i in ids] == ["failed", "pending", "dead"]
    assert [record(storage, i).attempts for i in ids] == [1, 0, 1]
    assert storage.worker_queue.exchange(hand.process_id, [hand.done(a)], None) is None


def test_a_burial_may_be_repeated(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    ended = [hand.failed(hand.take())]

    storage.registry.bury(hand.process_id, ended, "host-b")
    storage.registry.bury(hand.process_id, ended, "host-b")

    found = record(storage, ended[0].id)
    assert (found.status, found.attempts, len(found.error_history)) == (Status.FAILED, 1, 1)


def test_a_burial_does_not_touch_what_was_given_to_another(storage: Storage) -> None:
    enqueue(storage)
    dead, other = Hand(storage), Hand(storage)
    claim = dead.take()
    dead.hand_in(dead.back(claim))
    other.take()

    storage.registry.bury(dead.process_id, [dead.failed(claim)], "host-b")

    found = record(storage, claim.id)
    assert (found.status, found.process_id) == (Status.IN_PROGRESS, other.process_id)


def test_a_job_that_was_to_be_cancelled_ends_with_its_process(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    storage.operator.cancel(only(claim.id), 1, 0)

    storage.registry.bury(hand.process_id, [hand.back(claim)], "host-b")

    assert record(storage, claim.id).status is Status.DEAD


def test_a_long_job_of_a_living_process_is_nobodys_to_take(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    a_living_host(storage, backend)
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    clock.advance(days=3)

    assert storage.registry.census("host-a", [hand.process_id]).dead == []
    assert hand.hand_in(hand.done(claim)) == []
