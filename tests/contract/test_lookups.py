"""Operator.get, statuses and find."""

from __future__ import annotations

import pytest

from forge_jobs.ids import new_job_id
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter
from tests.support.builders import ALL, enqueue, enqueue_some, only
from tests.support.hands import Hand


def found_ids(storage: Storage, wanted: JobFilter, limit: int = 100) -> list[str]:
    return [job.id for job in storage.operator.find(wanted, limit, None)[0]]


def test_a_job_that_is_not_there_is_none(storage: Storage) -> None:
    assert storage.operator.get(new_job_id()) is None


def test_the_statuses_of_many_jobs_are_told_at_once(storage: Storage) -> None:
    done, dead, failed, running, pending = enqueue_some(storage, 5)
    hand = Hand(storage)
    hand.finish()
    hand.bury_one()
    hand.fail(wait=60)
    hand.take()

    told = storage.operator.statuses([running, done, new_job_id(), dead, failed, pending])

    assert told == {
        done: Status.DONE,
        dead: Status.DEAD,
        failed: Status.FAILED,
        running: Status.IN_PROGRESS,
        pending: Status.PENDING,
    }


def test_the_statuses_of_no_jobs_are_none(storage: Storage) -> None:
    assert storage.operator.statuses([]) == {}


def test_jobs_are_found_newest_first(storage: Storage) -> None:
    ids = enqueue_some(storage, 4)

    assert found_ids(storage, ALL) == ids[::-1]


def test_every_given_field_must_match(storage: Storage) -> None:
    here = enqueue(storage, "one", queue="here")
    enqueue(storage, "one", queue="there")
    enqueue(storage, "two", queue="here")
    ended = enqueue(storage, "one", queue="here")
    storage.operator.cancel(only(ended), 1, 0)

    assert found_ids(storage, JobFilter(queue="here", kind="one")) == [ended, here]
    assert found_ids(storage, JobFilter(queue="here", kind="one", status=Status.PENDING)) == [here]
    assert found_ids(storage, JobFilter(status=Status.DEAD)) == [ended]
    assert found_ids(storage, JobFilter(kind="nobody")) == []


def test_jobs_are_found_by_id(storage: Storage) -> None:
    _first, second, third = enqueue_some(storage, 3)

    assert found_ids(storage, only(second, new_job_id(), third)) == [third, second]
    assert found_ids(storage, only()) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_a_cursor_leads_through_all_pages_once(storage: Storage, limit: int) -> None:
    ids = enqueue_some(storage, 7)
    seen: list[str] = []
    before: int | None = None
    pages = 0
    while pages == 0 or before is not None:
        jobs, before = storage.operator.find(ALL, limit, before)
        assert 0 < len(jobs) <= limit
        seen += [job.id for job in jobs]
        pages += 1

    assert seen == ids[::-1]
    assert pages == -(-7 // limit)


def test_jobs_that_come_while_one_turns_pages_are_not_shown(storage: Storage) -> None:
    ids = enqueue_some(storage, 4)
    first, cursor = storage.operator.find(ALL, 2, None)
    enqueue_some(storage, 3)

    second, end = storage.operator.find(ALL, 2, cursor)

    assert [job.id for job in [*first, *second]] == ids[::-1]
    assert end is None


def test_nothing_is_found_in_an_empty_database(storage: Storage) -> None:
    assert storage.operator.find(ALL, 10, None) == ([], None)
