"""Operator.counts: what is where, without reading history."""

from __future__ import annotations

from forge_jobs.model.queue import QueueCounts
from forge_jobs.storage import Storage
from forge_jobs.storage.records import WorkerView
from tests.support.backends import Backend
from tests.support.builders import a_living_host, a_queue, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def test_an_empty_database_has_no_queues(storage: Storage) -> None:
    assert storage.operator.counts() == {}


def test_a_queue_without_jobs_is_shown_with_zeros(storage: Storage) -> None:
    a_queue(storage, "empty")

    assert storage.operator.counts() == {"empty": QueueCounts()}


def test_every_job_is_counted_where_it_is(storage: Storage, clock: FakeClock) -> None:
    enqueue_some(storage, 9)
    enqueue_some(storage, 2, run_at=clock.now() + 1)
    hand = Hand(storage)
    hand.finish()
    hand.finish()
    hand.bury_one()
    hand.fail(wait=60)
    hand.claim(rows=2)

    counts = storage.operator.counts()["default"]

    assert (counts.pending, counts.scheduled, counts.in_progress) == (3, 2, 2)
    assert (counts.done, counts.failed, counts.dead) == (2, 1, 1)


def test_a_job_that_is_ready_for_its_next_attempt_counts_as_retrying(storage: Storage) -> None:
    enqueue(storage)
    Hand(storage).fail(wait=0)

    counts = storage.operator.counts()["default"]

    assert (counts.failed, counts.pending) == (1, 0)


def test_queues_are_counted_apart_and_told_by_name(storage: Storage) -> None:
    a_queue(storage, "c")
    enqueue_some(storage, 2, queue="b")
    enqueue(storage, queue="a")
    Hand(storage, queue="a").finish()

    counts = storage.operator.counts()

    assert [(q, c.pending, c.done) for q, c in counts.items()] == [("a", 0, 1), ("b", 2, 0), ("c", 0, 0)]


def test_a_paused_queue_is_shown_as_paused(storage: Storage) -> None:
    a_queue(storage)
    storage.queue_config.change_queue("default", {"paused": True})
    enqueue(storage)

    counts = storage.operator.counts()["default"]

    assert (counts.paused, counts.pending) == (True, 1)


def test_counts_follow_delete_retry_and_retention(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done=1)
    enqueue_some(storage, 6)
    hand = Hand(storage)
    done = [hand.finish() for _ in range(3)]
    dead = [hand.bury_one() for _ in range(3)]

    storage.operator.delete(only(done[0], dead[0]), 10, 0)
    storage.operator.retry(only(dead[1]), 10, 0)
    counts = storage.operator.counts()["default"]
    assert (counts.done, counts.dead, counts.pending) == (2, 1, 1)

    clock.advance(days=2)
    storage.upkeep.prune(1)
    assert storage.operator.counts()["default"].done == 1


def test_the_age_of_the_first_in_line_is_told(storage: Storage, clock: FakeClock) -> None:
    assert storage.operator.counts() == {}
    enqueue(storage, run_at=clock.now() + 60_000_000)
    assert storage.operator.counts()["default"].oldest_ready_seconds is None

    enqueue(storage)
    clock.advance(2.5)
    assert storage.operator.counts()["default"].oldest_ready_seconds == 2.5


def test_the_age_is_gone_when_nothing_is_ready_any_more(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)
    clock.advance(5)
    Hand(storage).take()

    assert storage.operator.counts()["default"].oldest_ready_seconds is None


def test_workers_and_what_they_hold_are_those_of_the_last_beat(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    enqueue_some(storage, 5)
    hand = Hand(storage, host_id=host.host_id)
    hand.claim(rows=3)
    views = [
        WorkerView(process_id=hand.process_id, queue="default", number=1, pid=1, state="running", held=2),
        WorkerView(process_id=99, queue="default", number=2, pid=2, state="idle"),
    ]
    storage.registry.beat(host.host_id, views)

    counts = storage.operator.counts()["default"]

    assert (counts.workers, counts.held, counts.in_progress) == (2, 2, 3)


def test_no_more_is_held_than_is_in_progress(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    view = WorkerView(process_id=99, queue="default", number=1, pid=1, state="running", held=5)
    storage.registry.beat(host.host_id, [view])

    assert storage.operator.counts()["default"].held == 0


def test_workers_of_a_dead_host_are_not_counted(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    view = WorkerView(process_id=99, queue="default", number=1, pid=1, state="idle")
    storage.registry.beat(host.host_id, [view])
    assert storage.operator.counts()["default"].workers == 1

    backend.take_life(host.life_lock)

    assert storage.operator.counts() == {}


def test_counting_changes_nothing(storage: Storage) -> None:
    enqueue_some(storage, 3)
    Hand(storage).finish()

    assert storage.operator.counts() == storage.operator.counts()
