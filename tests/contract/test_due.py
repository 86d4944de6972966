"""Jobs that wait for their time: Upkeep.open_due and look, Operator.run_now."""

from __future__ import annotations

import msgspec
import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.states import Gate, Status
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import a_job, a_queue, enqueue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.schedules import add


def test_nothing_waits_in_an_empty_database(storage: Storage) -> None:
    opened = storage.upkeep.open_due(10)

    assert (opened.ready, opened.next_due) == ({}, None)


def test_jobs_are_made_ready_when_their_time_has_come_and_not_before(storage: Storage, clock: FakeClock) -> None:
    due = clock.now() + 10 * MICROSECONDS
    job_id = enqueue(storage, run_at=due)

    clock.advance(9.999_999)
    early = storage.upkeep.open_due(10)
    assert (early.ready, early.next_due) == ({}, due)
    assert record(storage, job_id).gate is Gate.WAITING

    clock.advance(0.000_001)
    opened = storage.upkeep.open_due(10)
    assert (opened.ready, opened.next_due) == ({"default": 1}, None)
    assert record(storage, job_id).gate is Gate.READY


def test_the_next_due_time_is_told(storage: Storage, clock: FakeClock) -> None:
    now = clock.now()
    for seconds in (30, 10, 20):
        enqueue(storage, run_at=now + seconds * MICROSECONDS)
    clock.advance(10)

    assert storage.upkeep.open_due(10).next_due == now + 20 * MICROSECONDS


def test_jobs_of_several_queues_are_opened_and_counted_by_queue(storage: Storage, clock: FakeClock) -> None:
    for queue in ("a", "b", "b"):
        enqueue(storage, queue=queue, run_at=clock.now() + 1)
    clock.advance(1)

    assert storage.upkeep.open_due(10).ready == {"a": 1, "b": 2}


def test_no_more_than_the_limit_are_opened_the_longest_due_first(storage: Storage, clock: FakeClock) -> None:
    now = clock.now()
    jobs = [a_job(run_at=now + seconds) for seconds in (5, 1, 4, 2, 3)]
    storage.producer.enqueue(jobs)
    clock.advance(1)

    opened = storage.upkeep.open_due(2)

    assert (opened.ready, opened.next_due) == ({"default": 2}, now + 3)
    assert [record(storage, j.id).gate for j in jobs] == [1, 0, 1, 0, 1]


def test_retries_are_opened_when_they_are_due(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)
    hand = Hand(storage)
    job_id = hand.fail(wait=30)
    clock.advance(30)

    assert storage.upkeep.open_due(10).ready == {"default": 1}
    assert record(storage, job_id).status is Status.FAILED
    claim = hand.take()
    assert (claim.id, claim.attempt) == (job_id, 2)


def test_looking_tells_what_is_ready_and_what_is_due_and_changes_nothing(storage: Storage, clock: FakeClock) -> None:
    a_queue(storage, "default")
    a_queue(storage, "idle")
    enqueue_some(storage, 3)
    due = enqueue(storage, run_at=clock.now() + 1)
    clock.advance(5)

    seen = storage.upkeep.look("host-a")

    assert (seen.ready, seen.next_due) == ({"default": 3}, record(storage, due).scheduled_at)
    assert storage.upkeep.look("host-a") == seen
    assert record(storage, due).gate is Gate.WAITING


def test_looking_tells_when_the_next_schedule_fires(storage: Storage, clock: FakeClock) -> None:
    assert storage.upkeep.look("host-a").next_fire is None
    later, sooner = add(storage, "later", expression="0 0 1 1 *"), add(storage, "sooner")
    assert later.next_fire_at is not None
    assert storage.upkeep.look("host-a").next_fire == sooner.next_fire_at
    storage.schedules.edit("sooner", lambda r: r and msgspec.structs.replace(r, enabled=False))
    assert storage.upkeep.look("host-a").next_fire == later.next_fire_at
    storage.schedules.edit("sooner", lambda r: r and msgspec.structs.replace(r, enabled=True, next_fire_at=None))
    assert storage.upkeep.look("host-a").next_fire == 0


def test_each_look_shows_what_others_and_the_looker_itself_have_changed(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    other = backend.open(clock)
    a_queue(storage, "default")
    for jobs, writer in enumerate((other, storage, other, storage), 1):
        assert storage.upkeep.look("host-a") == storage.upkeep.look("host-a")
        enqueue(writer)
        assert storage.upkeep.look("host-a").ready == {"default": jobs}
    Hand(other).claim(4)
    assert storage.upkeep.look("host-a").ready == {}


def test_looking_counts_to_a_few_hundred_only(storage: Storage) -> None:
    a_queue(storage, "default")
    enqueue_some(storage, 1000)

    assert 256 <= storage.upkeep.look("host-a").ready["default"] < 1000


def test_a_job_is_run_now_instead_of_later(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage, run_at=clock.now() + 300 * MICROSECONDS)

    assert storage.operator.run_now(only(job_id), 1, 0).changed == [job_id]
    assert record(storage, job_id).scheduled_at == clock.now()
    assert Hand(storage).take().id == job_id
    assert storage.upkeep.open_due(10).next_due is None


def test_a_job_that_waits_for_its_next_attempt_is_run_now_without_a_new_budget(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    job_id = hand.fail(wait=1800)

    assert storage.operator.run_now(only(job_id), 1, 0).changed == [job_id]
    assert hand.take().attempt == 2


def test_a_job_run_now_goes_behind_those_that_were_ready(storage: Storage, clock: FakeClock) -> None:
    later = enqueue(storage, run_at=clock.now() + 300 * MICROSECONDS)
    ready = enqueue(storage)
    clock.advance(1)
    storage.operator.run_now(only(later), 1, 0)

    assert [c.id for c in Hand(storage).claim(rows=2)] == [ready, later]


@pytest.mark.parametrize("state", ["pending", "in_progress", "done", "dead", "failed"])
def test_jobs_that_do_not_wait_for_their_time_are_skipped(storage: Storage, state: str) -> None:
    job_id = enqueue(storage)
    hand = Hand(storage)
    if state != "pending":
        end = {"in_progress": hand.take, "failed": hand.fail, "done": hand.finish, "dead": hand.bury_one}[state]
        end()
    before = record(storage, job_id)
    assert before.status == state

    batch = storage.operator.run_now(only(job_id), 1, 0)

    assert (batch.changed, batch.skipped) == ([], [job_id])
    assert record(storage, job_id) == before


def test_a_look_wakes_nobody_for_a_paused_queue(storage: Storage) -> None:
    enqueue(storage)
    a_queue(storage, paused=True)

    assert storage.upkeep.look("host-a").ready == {}
