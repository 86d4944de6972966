"""Which jobs a filter means: by the error they ended in, by their age, by several statuses; and how many there are."""

from __future__ import annotations

import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter
from tests.support.builders import ALL, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def found(storage: Storage, wanted: JobFilter) -> list[str]:
    """Return the ids that match; a look, a look by id, a verb's choice and a count must agree."""
    ids = [job.id for job in storage.operator.find(wanted, 100, None)[0]]
    everything = JobFilter(ids=[job.id for job in storage.operator.find(ALL, 100, None)[0]])
    named = JobFilter(
        ids=everything.ids, status=wanted.status, error=wanted.error, older_than=wanted.older_than,
        statuses=wanted.statuses,
    )  # fmt: skip
    assert [job.id for job in storage.operator.find(named, 100, None)[0]] == ids
    counted, cursor = storage.operator.count(wanted, 0)
    assert (sum(counted.values()), cursor) == (len(ids), None)
    return ids


def test_an_error_is_found_by_a_piece_of_its_message(storage: Storage) -> None:
    first, second, third = enqueue_some(storage, 3)
    hand = Hand(storage)
    hand.bury_one(message="KeyError: 'user'")
    hand.bury_one(message="100% of _disk_ used, é")
    hand.fail(wait=60, message="KeyError: 'name'")

    assert found(storage, JobFilter(error="KeyError")) == [third, first]
    assert found(storage, JobFilter(error="KeyError", status=Status.DEAD)) == [first]
    assert found(storage, JobFilter(error="% of _disk_ used, é")) == [second]
    assert found(storage, JobFilter(error="%")) == [second], "nothing is a pattern"
    assert found(storage, JobFilter(error="keyerror")) == [], "capitals matter"


def test_only_the_newest_message_counts(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage)
    hand = Hand(storage)
    hand.fail(message="timed out")
    hand.bury_one(message="refused")

    assert found(storage, JobFilter(error="refused")) == [job_id]
    assert found(storage, JobFilter(error="timed out")) == []


def test_age_is_that_of_the_end_or_while_there_is_none_of_the_enqueue(storage: Storage, clock: FakeClock) -> None:
    ended, waits = enqueue_some(storage, 2)
    clock.advance(100)
    Hand(storage).finish()
    clock.advance(50)

    assert found(storage, JobFilter(older_than=149 * MICROSECONDS)) == [waits]
    assert found(storage, JobFilter(older_than=49 * MICROSECONDS)) == [waits, ended]
    assert found(storage, JobFilter(older_than=150 * MICROSECONDS)) == [], "so old is not older"


def test_several_statuses_may_be_meant(storage: Storage) -> None:
    done, dead, waits = enqueue_some(storage, 3)
    hand = Hand(storage)
    hand.finish()
    hand.bury_one()

    assert found(storage, JobFilter(statuses=[Status.DONE, Status.PENDING])) == [waits, done]
    assert found(storage, JobFilter(statuses=[])) == []
    assert found(storage, JobFilter(status=Status.DEAD, statuses=[Status.DONE])) == [dead], "the one that is named"


@pytest.mark.parametrize("verb", ["cancel", "retry", "delete", "run_now"])
def test_a_verb_goes_by_all_of_the_filter(storage: Storage, verb: str) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    meant, other = hand.fail(wait=60, message="meant"), hand.fail(wait=60, message="other")

    batch = getattr(storage.operator, verb)(JobFilter(error="meant"), 10, 0)

    assert batch.changed == [meant]
    assert storage.operator.statuses([other]) == {other: Status.FAILED}


def test_jobs_are_counted_by_status(storage: Storage) -> None:
    enqueue_some(storage, 4)
    enqueue(storage, "other")
    hand = Hand(storage)
    hand.finish()
    hand.bury_one()
    hand.take()

    counted, cursor = storage.operator.count(JobFilter(kind="work"), 0)

    assert counted == {Status.DONE: 1, Status.DEAD: 1, Status.IN_PROGRESS: 1, Status.PENDING: 1}
    assert cursor is None


def test_nothing_is_counted_in_an_empty_database(storage: Storage) -> None:
    assert storage.operator.count(ALL, 0) == ({}, None)


def test_history_is_counted_in_slices(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    ids = enqueue_some(storage, 7)
    storage.operator.cancel(only(*ids[:3]), 10, 0)
    monkeypatch.setattr(sys.modules[type(storage.operator).__module__], "COUNT_SLICE", 3)

    slices = []
    cursor: int | None = 0
    while cursor is not None:
        counted, cursor = storage.operator.count(JobFilter(status=Status.DEAD), cursor)
        slices.append(sum(counted.values()))

    assert slices == [0, 2, 1]
