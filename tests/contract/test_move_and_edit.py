"""Operator.move and edit: jobs that wait are put elsewhere or changed; whatever runs or has ended stays as it is."""

from __future__ import annotations

import threading

import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.states import Gate, Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import Edit, JobFilter
from tests.support.backends import Backend
from tests.support.builders import ALL, a_living_host, enqueue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def test_a_job_that_is_moved_is_claimed_there_and_not_here(storage: Storage) -> None:
    moved, stays = enqueue_some(storage, 2, priority=3)

    batch = storage.operator.move(only(moved), 10, 0, "other")

    assert (batch.changed, batch.skipped) == ([moved], [])
    assert [c.id for c in Hand(storage).claim(rows=5)] == [stays]
    assert [c.id for c in Hand(storage, queue="other").claim(rows=5)] == [moved]
    assert (record(storage, moved).queue, record(storage, moved).priority) == ("other", 3)


def test_a_job_that_waits_for_its_time_waits_there(storage: Storage, clock: FakeClock) -> None:
    later = enqueue(storage, run_at=clock.now() + 60 * MICROSECONDS)

    storage.operator.move(only(later), 10, 0, "other")

    assert record(storage, later).gate is Gate.WAITING
    assert Hand(storage, queue="other").claim() == []
    clock.advance(60)
    assert storage.upkeep.open_due(10).ready == {"other": 1}


def test_a_retrying_job_is_moved_with_its_history(storage: Storage) -> None:
    enqueue(storage)
    job_id = Hand(storage).fail(wait=60, message="no luck")

    assert storage.operator.move(only(job_id), 10, 0, "other").changed == [job_id]

    moved = record(storage, job_id)
    assert (moved.status, moved.attempts, moved.error_history[0].message) == (Status.FAILED, 1, "no luck")


@pytest.mark.parametrize("state", ["in_progress", "done", "dead"])
def test_what_does_not_wait_is_neither_moved_nor_edited(storage: Storage, state: str) -> None:
    job_id = enqueue(storage)
    getattr(Hand(storage), {"in_progress": "take", "done": "finish", "dead": "bury_one"}[state])()
    before = record(storage, job_id)

    assert storage.operator.move(only(job_id), 10, 0, "other").skipped == [job_id]
    assert storage.operator.edit(only(job_id), 10, 0, Edit(priority=9, payload=b"{}")).skipped == [job_id]
    assert record(storage, job_id) == before


def test_a_job_that_is_there_already_is_skipped(storage: Storage) -> None:
    job_id = enqueue(storage)

    assert storage.operator.move(only(job_id), 10, 0, "default").skipped == [job_id]


def test_a_job_of_a_kind_nobody_knew_is_ready_where_it_may_be_known(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, kinds=["other"])
    job_id = enqueue(storage)
    storage.upkeep.park_unserved(10)
    assert record(storage, job_id).gate is Gate.UNSERVED

    storage.operator.move(only(job_id), 10, 0, "elsewhere")

    assert record(storage, job_id).gate is Gate.READY


def test_moving_batch_by_batch_reaches_all(storage: Storage) -> None:
    enqueue_some(storage, 5)

    sizes = []
    cursor: int | None = 0
    while cursor is not None:
        batch = storage.operator.move(JobFilter(queue="default"), 2, cursor, "other")
        sizes.append(len(batch.changed))
        cursor = batch.next

    assert sizes == [2, 2, 1]
    assert len(storage.operator.find(JobFilter(queue="other"), 10, None)[0]) == 5


def test_an_edit_changes_what_it_names(storage: Storage) -> None:
    job_id = enqueue(storage, payload=b'{"a":1}', priority=5)

    assert storage.operator.edit(only(job_id), 10, 0, Edit(priority=-5)).changed == [job_id]
    assert (record(storage, job_id).priority, record(storage, job_id).payload) == (-5, b'{"a":1}')

    storage.operator.edit(only(job_id), 10, 0, Edit(payload=b'{"b":[2]}'))
    assert (record(storage, job_id).priority, record(storage, job_id).payload) == (-5, b'{"b":[2]}')
    (claim,) = Hand(storage).claim()
    assert claim.payload == b'{"b":[2]}'


@pytest.mark.parametrize("sizes", [(10, 5000), (5000, 10), (5000, 6000)])
def test_a_payload_of_any_size_takes_the_place_of_another(storage: Storage, sizes: tuple[int, int]) -> None:
    old, new = (b'{"x":"' + b"y" * size + b'"}' for size in sizes)
    job_id = enqueue(storage, payload=old)

    storage.operator.edit(only(job_id), 10, 0, Edit(payload=new))

    assert record(storage, job_id).payload == new
    (claim,) = Hand(storage).claim()
    assert claim.payload == new
    assert storage.operator.delete(only(job_id), 10, 0).skipped == [job_id]


def test_a_more_urgent_job_is_claimed_first(storage: Storage) -> None:
    first, second = enqueue_some(storage, 2)

    storage.operator.edit(only(second), 10, 0, Edit(priority=-1))

    assert [c.id for c in Hand(storage).claim(rows=5)] == [second, first]


def test_a_job_can_be_put_off_and_taken_back(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage)

    storage.operator.edit(only(job_id), 10, 0, Edit(run_at=clock.now() + 60 * MICROSECONDS))
    assert record(storage, job_id).gate is Gate.WAITING
    assert Hand(storage).claim() == []
    assert storage.upkeep.look("host-a").next_due == clock.now() + 60 * MICROSECONDS

    storage.operator.edit(only(job_id), 10, 0, Edit(run_at=clock.now()))
    assert record(storage, job_id).gate is Gate.READY
    assert [c.id for c in Hand(storage).claim()] == [job_id]


def test_a_job_is_not_put_off_to_a_time_at_which_it_has_expired(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage, expires_at=clock.now() + 60 * MICROSECONDS)

    late = storage.operator.edit(only(job_id), 10, 0, Edit(run_at=clock.now() + 60 * MICROSECONDS, priority=1))
    assert (late.changed, late.skipped, record(storage, job_id).priority) == ([], [job_id], 0)

    in_time = storage.operator.edit(only(job_id), 10, 0, Edit(run_at=clock.now() + 59 * MICROSECONDS))
    assert in_time.changed == [job_id]


def test_a_unique_key_is_held_by_a_job_that_was_moved(storage: Storage) -> None:
    job_id = enqueue(storage, unique_key="k")
    storage.operator.move(only(job_id), 10, 0, "other")

    assert enqueue(storage, unique_key="k") == job_id


@pytest.mark.parametrize("verb", ["move", "edit", "retry", "run_now", "delete"])
def test_a_job_that_began_to_run_while_its_batch_was_read_is_missed(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, clock: FakeClock, verb: str
) -> None:
    first, second = enqueue_some(storage, 2)
    hand = Hand(storage)
    if verb in ("retry", "run_now"):
        hand.fail(wait=1)
        hand.fail(wait=2)
    select = storage.operator._select  # type: ignore[attr-defined]

    def select_and_let_one_begin(*given: object) -> object:
        rows = select(*given)
        clock.advance(1)
        storage.upkeep.open_due(1)
        hand.take()
        return rows

    monkeypatch.setattr(storage.operator, "_select", select_and_let_one_begin)
    more = {"move": ["other"], "edit": [Edit(priority=1)]}.get(verb, [])
    waiting = JobFilter(statuses=[Status.PENDING, Status.FAILED])

    batch = getattr(storage.operator, verb)(waiting, 10, 0, *more)

    assert (batch.changed, batch.skipped, batch.missed) == ([second], [], (first,))
    assert record(storage, first).status is Status.IN_PROGRESS


def test_a_job_is_either_claimed_or_moved(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    ids = set(enqueue_some(storage, 300))
    mover, claimer = backend.open(clock), backend.open(clock)
    hand = Hand(claimer)
    claimed: set[str] = set()
    together = threading.Barrier(2)

    def claim() -> None:
        together.wait()
        while taken := hand.claim(rows=3):
            claimed.update(c.id for c in taken)

    worker = threading.Thread(target=claim)
    worker.start()
    together.wait()
    moved: set[str] = set()
    said: set[str] = set()
    cursor: int | None = 0
    while cursor is not None:
        batch = mover.operator.move(JobFilter(statuses=[Status.PENDING, Status.FAILED]), 7, cursor, "other")
        moved |= set(batch.changed)
        said |= {*batch.skipped, *batch.missed}
        cursor = batch.next
    worker.join()

    assert not moved & claimed
    assert moved | claimed == ids
    assert said <= claimed
    jobs = storage.operator.find(ALL, 1000, None)[0]
    assert {job.id for job in jobs if job.queue == "other"} == moved
    assert {job.status for job in jobs if job.queue == "default"} <= {Status.IN_PROGRESS}
