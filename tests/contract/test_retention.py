"""Upkeep.prune: finished jobs past their queue's retention go, in batches."""

from __future__ import annotations

import threading

from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter
from tests.support.backends import Backend
from tests.support.builders import a_queue, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.together import together


def test_an_empty_database_has_nothing_to_remove(storage: Storage) -> None:
    assert storage.upkeep.prune(100) == 0


def test_done_jobs_go_when_they_are_older_than_their_queue_keeps_them(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done=7, keep_dead=30)
    enqueue_some(storage, 2)
    hand = Hand(storage)
    old = hand.finish()
    clock.advance(days=7)
    fresh = hand.finish()

    assert storage.upkeep.prune(100) == 0
    clock.advance(0.000_001)
    assert storage.upkeep.prune(100) == 1

    assert list(storage.operator.statuses([old, fresh])) == [fresh]


def test_dead_jobs_are_kept_for_a_time_of_their_own(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done=7, keep_dead=30)
    enqueue_some(storage, 2)
    hand = Hand(storage)
    done, dead = hand.finish(), hand.bury_one()

    clock.advance(days=8)
    assert storage.upkeep.prune(100) == 1
    assert list(storage.operator.statuses([done, dead])) == [dead]

    clock.advance(days=23)
    assert storage.upkeep.prune(100) == 1
    assert storage.operator.statuses([done, dead]) == {}


def test_each_queue_has_its_own_retention(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, "short", keep_done=1)
    a_queue(storage, "long", keep_done=100)
    ids = {}
    for queue in ("short", "long"):
        enqueue(storage, queue=queue)
        ids[queue] = Hand(storage, queue=queue).finish()
    clock.advance(days=2)

    assert storage.upkeep.prune(100) == 1
    assert list(storage.operator.statuses(list(ids.values()))) == [ids["long"]]


def test_a_retention_of_nothing_removes_all_that_ended_before_now(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done=0)
    enqueue(storage)
    Hand(storage).finish()
    clock.advance(0.000_001)

    assert storage.upkeep.prune(100) == 1


def test_live_jobs_are_never_removed(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done=0, keep_dead=0)
    enqueue_some(storage, 3)
    hand = Hand(storage)
    hand.fail(wait=60)
    hand.take()
    clock.advance(days=4000)

    assert storage.upkeep.prune(100) == 0
    counts = storage.operator.counts()["default"]
    assert (counts.pending, counts.in_progress, counts.failed) == (1, 1, 1)


def test_no_more_than_the_limit_go_at_once(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, "a", keep_done=1, keep_dead=1)
    a_queue(storage, "b", keep_done=1, keep_dead=1)
    for queue in ("a", "b"):
        enqueue_some(storage, 4, queue=queue)
        hand = Hand(storage, queue=queue)
        for _ in range(2):
            hand.finish()
            hand.bury_one()
    clock.advance(days=2)

    assert [storage.upkeep.prune(3) for _ in range(4)] == [3, 3, 2, 0]


def test_the_oldest_go_first(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done=1)
    enqueue_some(storage, 3)
    hand = Hand(storage)
    ids = []
    for _ in range(3):
        ids.append(hand.finish())
        clock.advance(1)
    clock.advance(days=2)

    storage.upkeep.prune(2)

    assert list(storage.operator.statuses(ids)) == ids[2:]


def test_a_change_of_the_retention_counts_from_now_on(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done=100)
    enqueue(storage)
    Hand(storage).finish()
    clock.advance(days=10)
    assert storage.upkeep.prune(10) == 0

    storage.queue_config.change_queue("default", {"keep_done": 9})

    assert storage.upkeep.prune(10) == 1


def test_a_queue_nobody_has_created_keeps_its_jobs_as_long_as_a_new_one(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage, queue="nobody-created-it")
    Hand(storage, queue="nobody-created-it").finish()

    clock.advance(days=6.9)
    assert storage.upkeep.prune(10) == 0
    clock.advance(days=0.2)
    assert storage.upkeep.prune(10) == 1


def test_at_most_so_many_of_the_newest_are_kept(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done_jobs=2, keep_dead_jobs=1)
    enqueue_some(storage, 6)
    hand = Hand(storage)
    done, dead = [], []
    for _ in range(3):
        done.append(hand.finish())
        dead.append(hand.bury_one())
        clock.advance(1)

    assert storage.upkeep.clean(100) == {("default", "done"): 1, ("default", "dead"): 2}

    assert set(storage.operator.statuses([*done, *dead])) == {*done[1:], dead[2]}
    assert storage.upkeep.clean(100) == {}


def test_age_and_number_hold_both(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done=1, keep_done_jobs=3)
    enqueue_some(storage, 6)
    hand = Hand(storage)
    old = [hand.finish() for _ in range(2)]
    clock.advance(days=2)
    new = []
    for _ in range(4):
        new.append(hand.finish())
        clock.advance(1)

    assert storage.upkeep.prune(100) == 3
    assert set(storage.operator.statuses([*old, *new])) == set(new[1:])


def test_what_is_kept_for_ever_goes_by_number_alone(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done=None, keep_dead=None, keep_dead_jobs=0)
    enqueue_some(storage, 2)
    hand = Hand(storage)
    hand.finish()
    hand.bury_one()
    clock.advance(days=50_000)

    assert storage.upkeep.clean(100) == {("default", "dead"): 1}
    assert storage.operator.counts()["default"].done == 1


def test_retention_by_number_goes_in_slices_and_keeps_the_counts(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done_jobs=1)
    enqueue_some(storage, 8)
    hand = Hand(storage)
    for _ in range(8):
        hand.finish()
    storage.upkeep.fold_tallies()

    assert [storage.upkeep.prune(3) for _ in range(4)] == [3, 3, 1, 0]
    assert storage.operator.counts()["default"].done == 1


def test_only_the_queue_that_is_named_is_cleaned(storage: Storage, clock: FakeClock) -> None:
    for queue in ("a", "b"):
        a_queue(storage, queue, keep_done_jobs=0)
        enqueue(storage, queue=queue)
        Hand(storage, queue=queue).finish()

    assert storage.upkeep.clean(100, "b") == {("b", "done"): 1}
    assert storage.upkeep.clean(100, "b") == {}
    assert storage.upkeep.clean(100, "nobody") == {}
    assert storage.upkeep.clean(100) == {("a", "done"): 1}


def test_a_job_that_is_revived_while_others_are_removed_is_kept_or_gone_and_counted_once(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    a_queue(storage, keep_dead_jobs=0)
    enqueue_some(storage, 200)
    hand = Hand(storage)
    ids = [hand.bury_one() for _ in range(200)]
    cleaner, operator = backend.open(clock), backend.open(clock)
    together = threading.Barrier(2)
    revived: list[str] = []

    def revive() -> None:
        together.wait()
        for first in range(0, 200, 10):
            revived.extend(operator.operator.retry(JobFilter(ids=ids[first : first + 10]), 10, 0).changed)

    worker = threading.Thread(target=revive)
    worker.start()
    together.wait()
    while worker.is_alive() or storage.operator.counts()["default"].dead > 0:
        cleaner.upkeep.prune(7)
    worker.join()

    counts = storage.operator.counts()["default"]
    assert (counts.dead, counts.pending) == (0, len(revived))
    assert set(storage.operator.statuses(ids)) == set(revived)


def test_however_many_clean_at_once_the_newest_are_kept(backend: Backend, storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, keep_done_jobs=6, keep_dead_jobs=4)
    enqueue_some(storage, 120)
    hand = Hand(storage)
    done, dead = [], []
    for _ in range(60):
        done.append(hand.finish())
        dead.append(hand.bury_one())
        clock.advance(1)

    def clean(cleaner: Storage) -> None:
        while cleaner.upkeep.prune(7):
            pass

    together(backend, clock, clean)

    while storage.upkeep.prune(100):
        pass
    counts = storage.operator.counts()["default"]
    assert (counts.done, counts.dead) == (6, 4)
    assert set(storage.operator.statuses([*done, *dead])) == {*done[-6:], *dead[-4:]}


def test_an_operator_who_deletes_meanwhile_costs_no_job_that_is_kept(
    backend: Backend, storage: Storage, clock: FakeClock
) -> None:
    a_queue(storage, keep_dead_jobs=10)
    enqueue_some(storage, 100)
    hand = Hand(storage)
    ids = []
    for _ in range(100):
        ids.append(hand.bury_one())
        clock.advance(1)
    cleaner, operator = backend.open(clock), backend.open(clock)
    start = threading.Barrier(2)

    def delete() -> None:
        start.wait()
        for first in range(0, 90, 5):
            operator.operator.delete(only(*ids[first : first + 5]), 5, 0)

    deleting = threading.Thread(target=delete)
    deleting.start()
    start.wait()
    while deleting.is_alive() or cleaner.upkeep.prune(7):
        cleaner.upkeep.prune(7)
    deleting.join()

    assert list(storage.operator.statuses(ids)) == ids[90:]
    assert storage.operator.counts()["default"].dead == 10
