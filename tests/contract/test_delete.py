"""Operator.delete: jobs that are not running go, and all that belongs to them."""

from __future__ import annotations

import pytest

from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter
from tests.support.builders import enqueue, enqueue_some, only, record
from tests.support.hands import Hand


@pytest.mark.parametrize("state", ["pending", "failed", "done", "dead"])
def test_a_job_that_is_not_running_goes(storage: Storage, state: str) -> None:
    job_id = enqueue(storage)
    if state != "pending":
        end = {"failed": "fail", "done": "finish", "dead": "bury_one"}[state]
        getattr(Hand(storage), end)()
    assert record(storage, job_id).status == state

    batch = storage.operator.delete(only(job_id), 10, 0)

    assert (batch.changed, batch.skipped) == ([job_id], [])
    assert storage.operator.get(job_id) is None
    assert storage.operator.statuses([job_id]) == {}


def test_a_running_job_stays_and_goes_on(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()

    batch = storage.operator.delete(only(claim.id), 10, 0)

    assert (batch.changed, batch.skipped) == ([], [claim.id])
    assert hand.hand_in(hand.done(claim)) == []
    assert record(storage, claim.id).status is Status.DONE


def test_a_job_that_is_not_there_is_no_error(storage: Storage) -> None:
    job_id = enqueue(storage)
    storage.operator.delete(only(job_id), 10, 0)

    batch = storage.operator.delete(only(job_id), 10, 0)

    assert (batch.changed, batch.skipped, batch.next) == ([], [], None)


def test_finished_jobs_go_batch_by_batch_and_running_ones_stay(storage: Storage) -> None:
    enqueue_some(storage, 7)
    hand = Hand(storage)
    for _ in range(5):
        hand.finish()
    hand.claim(rows=2)

    done = JobFilter(status=Status.DONE)
    sizes = [len(storage.operator.delete(done, 2, 0).changed) for _ in range(4)]

    assert sizes == [2, 2, 1, 0]
    counts = storage.operator.counts()["default"]
    assert (counts.done, counts.in_progress) == (0, 2)


def test_a_deleted_job_is_not_claimed(storage: Storage) -> None:
    gone, stays = enqueue_some(storage, 2)
    storage.operator.delete(only(gone), 1, 0)

    assert [c.id for c in Hand(storage).claim(rows=5)] == [stays]
