"""Operator.retry: a fresh budget for jobs that failed, unless another live job holds their key."""

from __future__ import annotations

import pytest

from forge_jobs.model.states import Gate, Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import Batch, JobFilter
from tests.support.backends import Backend
from tests.support.builders import ALL, enqueue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def retry(storage: Storage, *job_ids: str) -> Batch:
    return storage.operator.retry(only(*job_ids), 100, 0)


def dead_jobs_with_one_key(storage: Storage, number: int, key: str = "k") -> list[str]:
    hand = Hand(storage)
    ids = []
    for _ in range(number):
        enqueue(storage, unique_key=key)
        ids.append(hand.bury_one())
    return ids


def retry_in_batches(storage: Storage, wanted: JobFilter, size: int) -> tuple[list[str], list[str]]:
    changed: list[str] = []
    skipped: list[str] = []
    cursor: int | None = 0
    while cursor is not None:
        batch = storage.operator.retry(wanted, size, cursor)
        changed += batch.changed
        skipped += batch.skipped
        cursor = batch.next
    return changed, skipped


def test_a_dead_job_is_ready_again_with_a_fresh_budget(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage, max_attempts=2)
    hand = Hand(storage)
    hand.fail()
    job_id = hand.bury_one()
    clock.advance(100)

    assert retry(storage, job_id).changed == [job_id]

    found = record(storage, job_id)
    assert (found.status, found.gate, found.attempts) == (Status.PENDING, Gate.READY, 0)
    assert (found.scheduled_at, found.finished_at) == (clock.now(), None)
    assert hand.take().attempt == 1


def test_a_job_that_waits_for_its_next_attempt_is_ready_at_once(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    job_id = hand.fail(wait=1800)

    assert retry(storage, job_id).changed == [job_id]
    assert (hand.take().id, record(storage, job_id).attempts) == (job_id, 1)


def test_crashes_in_a_row_are_forgotten(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    hand.hand_in(hand.dead(claim, crashes=4))
    retry(storage, claim.id)

    assert hand.take().crashes == 0


@pytest.mark.parametrize("state", ["pending", "in_progress", "done"])
def test_other_jobs_are_skipped(storage: Storage, state: str) -> None:
    job_id = enqueue(storage)
    if state != "pending":
        hand = Hand(storage)
        claim = hand.take()
        if state == "done":
            hand.hand_in(hand.done(claim))
    before = record(storage, job_id)

    batch = retry(storage, job_id)

    assert (batch.changed, batch.skipped) == ([], [job_id])
    assert record(storage, job_id) == before


def test_a_dead_job_whose_key_is_held_stays_dead(storage: Storage) -> None:
    (job_id,) = dead_jobs_with_one_key(storage, 1)
    holder = enqueue(storage, unique_key="k")

    batch = retry(storage, job_id)

    assert (batch.changed, batch.skipped) == ([], [job_id])
    assert record(storage, job_id).status is Status.DEAD
    assert record(storage, holder).status is Status.PENDING
    assert storage.operator.counts()["default"].dead == 1


def test_in_a_batch_only_those_whose_key_is_held_stay(storage: Storage) -> None:
    (held,) = dead_jobs_with_one_key(storage, 1)
    (free,) = dead_jobs_with_one_key(storage, 1, "other")
    holder = enqueue(storage, unique_key="k")

    batch = storage.operator.retry(JobFilter(status=Status.DEAD), 100, 0)

    assert (batch.changed, batch.skipped) == ([free], [held])
    assert [record(storage, i).status for i in (held, free, holder)] == ["dead", "pending", "pending"]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_of_several_dead_jobs_with_one_key_the_newest_is_revived(storage: Storage, size: int) -> None:
    *older, newest = dead_jobs_with_one_key(storage, 4)

    changed, skipped = retry_in_batches(storage, ALL, size)

    assert (changed, sorted(skipped)) == ([newest], older)
    assert record(storage, newest).status is Status.PENDING
    assert [record(storage, i).status for i in older] == ["dead"] * 3


def test_an_older_one_is_revived_when_it_is_named(storage: Storage) -> None:
    older, newest = dead_jobs_with_one_key(storage, 2)

    assert retry(storage, older).changed == [older]
    assert record(storage, newest).status is Status.DEAD


@pytest.mark.parametrize("size", [2, 100])
def test_many_dead_jobs_are_revived_batch_by_batch(storage: Storage, size: int) -> None:
    ids = enqueue_some(storage, 7)
    hand = Hand(storage)
    for _ in ids:
        hand.bury_one()

    changed, skipped = retry_in_batches(storage, JobFilter(status=Status.DEAD), size)

    assert (sorted(changed), skipped) == (sorted(ids), [])
    counts = storage.operator.counts()["default"]
    assert (counts.pending, counts.dead) == (7, 0)


def test_jobs_revived_together_run_in_the_order_of_their_arrival(backend: Backend) -> None:
    storage = backend.open(FakeClock(tick=1))
    ids = enqueue_some(storage, 5)
    hand = Hand(storage)
    for _ in ids:
        hand.bury_one()
    storage.operator.retry(ALL, 100, 0)

    assert [claim.id for claim in hand.claim(rows=9)] == ids


def test_a_late_end_of_the_attempt_before_is_refused(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    hand.hand_in(hand.dead(claim))
    retry(storage, claim.id)

    assert hand.hand_in(hand.done(claim)) == [claim.claim_no]
    assert record(storage, claim.id).status is Status.PENDING
