"""ProcessRegistry: who is there, who lives, who holds what."""

from __future__ import annotations

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.storage import Storage
from forge_jobs.storage.records import WorkerView
from tests.support.backends import Backend
from tests.support.builders import a_host, a_living_host, enqueue, enqueue_some, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def test_nobody_is_there_at_first(storage: Storage) -> None:
    assert (storage.registry.hosts(), storage.registry.workers()) == ([], [])


def test_a_host_is_shown_as_it_announced_itself(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    host = a_living_host(storage, backend, queues=["b", "a"], kinds=["x/y", "z"])

    assert storage.registry.hosts() == [msgspec.structs.replace(host, started_at=clock.now(), beat_at=clock.now())]


def test_a_host_that_has_died_is_shown_as_dead(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    a_living_host(storage, backend, "host-b")

    backend.take_life(host.life_lock)

    assert [(h.host_id, h.alive) for h in storage.registry.hosts()] == [("host-a", False), ("host-b", True)]


def test_hosts_are_told_in_the_order_of_their_start(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    for host_id in ("host-z", "host-a", "host-m"):
        a_living_host(storage, backend, host_id)
        clock.advance(1)

    assert [h.host_id for h in storage.registry.hosts()] == ["host-z", "host-a", "host-m"]


def test_a_beat_is_noted(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    host = a_living_host(storage, backend)
    started = clock.now()
    clock.advance(2)
    storage.registry.beat(host.host_id, [])

    (found,) = storage.registry.hosts()

    assert (found.started_at, found.beat_at) == (started, clock.now())


def test_announcing_a_host_again_leaves_it_as_it_is(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    host = a_living_host(storage, backend)
    (before,) = storage.registry.hosts()
    clock.advance(2)
    storage.registry.announce_host(host)

    (found,) = storage.registry.hosts()

    assert found == msgspec.structs.replace(before, beat_at=clock.now())


def test_the_workers_are_those_of_the_last_beat(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    first = WorkerView(process_id=1, queue="default", number=1, pid=11, state="idle")
    busy = WorkerView(
        process_id=2,
        queue="default",
        number=2,
        pid=12,
        state="running",
        job_id="0192",
        kind="work",
        running_seconds=1.5,
        held=3,
        jobs_done=99,
        progress_done=1,
        progress_total=2,
        progress_note="half way",
    )
    storage.registry.beat(host.host_id, [first])
    storage.registry.beat(host.host_id, [busy])

    assert [(h.host_id, worker) for h, worker in storage.registry.workers()] == [("host-a", busy)]


def test_the_workers_of_a_dead_host_are_not_shown(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    storage.registry.beat(host.host_id, [WorkerView(process_id=1, queue="default", number=1, pid=11, state="idle")])
    backend.take_life(host.life_lock)

    assert storage.registry.workers() == []


def test_a_beat_of_a_host_that_was_taken_off_does_not_bring_it_back(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    storage.registry.retire_host(host.host_id)
    storage.registry.beat(host.host_id, [])

    assert storage.registry.hosts() == []


def test_a_host_that_retires_takes_its_workers_along(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    a_living_host(storage, backend, "host-b")
    mine, theirs = Hand(storage), Hand(storage, host_id="host-b")
    storage.registry.retire_host(host.host_id)

    assert [h.host_id for h in storage.registry.hosts()] == ["host-b"]
    assert storage.worker_queue.exchange(mine.process_id, [], None) is None
    assert storage.worker_queue.exchange(theirs.process_id, [], None) is not None


def test_retiring_a_host_that_is_not_there_is_no_error(storage: Storage) -> None:
    storage.registry.retire_host(a_host("nobody").host_id)


def test_the_claims_of_a_process_are_told_in_the_order_of_their_numbers(storage: Storage, clock: FakeClock) -> None:
    ids = enqueue_some(storage, 3, max_attempts=9)
    hand, idle = Hand(storage), Hand(storage)
    hand.claim(rows=1)
    hand.claim(rows=2)

    told = storage.registry.claims_of([hand.process_id, idle.process_id, 12345])

    assert {process: [c.id for c in claims] for process, claims in told.items()} == {
        hand.process_id: ids,
        idle.process_id: [],
        12345: [],
    }
    first = told[hand.process_id][0]
    assert (first.claim_no, first.attempt, first.max_attempts, first.crashes) == (1, 1, 9, 0)
    assert (first.kind, first.queue, first.claimed_at) == ("work", "default", clock.now())


def test_a_claim_that_has_ended_is_not_told(storage: Storage) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    a, b = hand.claim(rows=2)
    hand.hand_in(hand.done(a))

    assert [c.id for c in storage.registry.claims_of([hand.process_id])[hand.process_id]] == [b.id]


def test_claims_are_told_by_their_age(storage: Storage, clock: FakeClock) -> None:
    old, older_still = enqueue_some(storage, 2)
    one, other = Hand(storage), Hand(storage)
    one.take()
    clock.advance(5)
    other.take()

    at = clock.now()
    assert storage.registry.claims_before(at - 5 * MICROSECONDS) == {}
    told = storage.registry.claims_before(at)
    assert {p: [c.id for c in claims] for p, claims in told.items()} == {one.process_id: [old]}
    told = storage.registry.claims_before(at + 1)
    assert {p: [c.id for c in cs] for p, cs in told.items()} == {
        one.process_id: [old],
        other.process_id: [older_still],
    }


def test_a_claim_told_by_the_registry_can_be_handed_in(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.take()
    (claim,) = storage.registry.claims_of([hand.process_id])[hand.process_id]

    assert hand.hand_in(hand.done(claim)) == []
    assert record(storage, claim.id).status == "done"
