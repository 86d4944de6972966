"""Producer.enqueue: what is stored, in which order, all or nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import DatabaseError
from forge_jobs.model.states import Gate, Status
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import a_job, enqueue, record
from tests.support.clock import FakeClock


def test_a_stored_job_is_whole_again_when_it_is_read(storage: Storage, clock: FakeClock) -> None:
    job = a_job(
        "thumbnail", queue="media", payload=b'{"path":"a.jpg"}', priority=-7, max_attempts=3, unique_key="a.jpg"
    )

    answers = storage.producer.enqueue([job])

    assert [(a.id, a.deduplicated) for a in answers] == [(job.id, False)]
    found = record(storage, job.id)
    assert (found.id, found.queue, found.kind) == (job.id, "media", "thumbnail")
    assert (found.status, found.gate) == (Status.PENDING, Gate.READY)
    assert (found.priority, found.attempts, found.max_attempts) == (-7, 0, 3)
    assert (found.enqueued_at, found.scheduled_at) == (clock.now(), clock.now())
    assert (found.started_at, found.finished_at, found.cancel_requested_at) == (None, None, None)
    assert (found.process_id, found.claim_no) == (None, None)
    assert (found.unique_key, found.payload, found.result) == ("a.jpg", b'{"path":"a.jpg"}', None)
    assert found.error_history == ()


def test_a_job_with_a_due_time_waits_for_it(storage: Storage, clock: FakeClock) -> None:
    later = clock.now() + 60 * MICROSECONDS

    found = record(storage, enqueue(storage, run_at=later))

    assert (found.status, found.gate, found.scheduled_at) == (Status.PENDING, Gate.WAITING, later)


def test_a_delay_counts_from_the_moment_the_job_is_stored(storage: Storage, clock: FakeClock) -> None:
    found = record(storage, enqueue(storage, delay=5 * MICROSECONDS))

    assert found.scheduled_at == clock.now() + 5 * MICROSECONDS
    assert found.gate is Gate.WAITING


def test_a_due_time_in_the_past_is_ready_at_once(storage: Storage, clock: FakeClock) -> None:
    earlier = clock.now() - 60 * MICROSECONDS

    found = record(storage, enqueue(storage, run_at=earlier))

    assert (found.gate, found.scheduled_at) == (Gate.READY, earlier)


def test_nothing_to_store_is_no_error(storage: Storage) -> None:
    assert storage.producer.enqueue([]) == []


@pytest.mark.parametrize("size", [2, 5000])
def test_a_bulk_is_answered_in_the_order_given(storage: Storage, size: int) -> None:
    jobs = [a_job(priority=-number) for number in range(size)]

    answers = storage.producer.enqueue(jobs)

    assert [a.id for a in answers] == [j.id for j in jobs]
    assert storage.operator.counts()["default"].pending == size


@pytest.mark.parametrize("odd", [{}, {"unique_key": "k"}, {"payload": b'"' + b"x" * 5000 + b'"'}])
def test_a_bulk_with_one_bad_job_stores_none(storage: Storage, odd: dict[str, Any]) -> None:
    enqueue(storage)
    job = a_job()
    bulk = [a_job(), job, a_job(**odd), msgspec.structs.replace(job, kind="twin", **odd)]  # one id twice

    with pytest.raises(DatabaseError):
        storage.producer.enqueue(bulk)

    assert [storage.operator.get(j.id) for j in bulk] == [None] * 4
    assert storage.operator.counts()["default"].pending == 1


def test_a_storage_goes_on_after_a_bulk_that_failed(storage: Storage) -> None:
    job = a_job()
    with pytest.raises(DatabaseError):
        storage.producer.enqueue([job, job])

    assert storage.producer.enqueue([job])[0].id == job.id


def test_jobs_may_be_stored_in_a_queue_nobody_has_created(storage: Storage) -> None:
    enqueue(storage, queue="nobody-knows-it")

    assert storage.operator.counts()["nobody-knows-it"].pending == 1
    assert storage.queue_config.queues() == []


def test_jobs_of_one_storage_are_seen_by_another(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    job_id = enqueue(storage)

    assert record(backend.open(clock), job_id).id == job_id


def test_a_closed_storage_opens_again_by_itself(storage: Storage) -> None:
    job_id = enqueue(storage)
    storage.close()

    assert record(storage, job_id).id == job_id
