"""Schedules on a server: a database that takes no job, and a row that somebody holds."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from forge_jobs.model.crontab import ScheduleRecord
from forge_jobs.schedules import changed_by
from forge_jobs.storage import Storage
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.backends import Backend, PostgresBackend
from tests.support.clock import FakeClock
from tests.support.schedules import add, fire, fires, jobs, numbers, record_of


@pytest.fixture
def backend(tmp_path: Any) -> Any:
    made = PostgresBackend(tmp_path)
    yield made
    made.close()


@pytest.fixture
def storage(backend: Backend, clock: FakeClock) -> Storage:
    return backend.open(clock)


def by_hand(backend: Backend, storage: Storage, text: str) -> None:
    assert isinstance(storage, PostgresStorage)
    connection: psycopg.Connection[Any] = backend.connection()
    connection.execute(f"SET search_path = {storage._database.schema}")  # type: ignore[arg-type]
    connection.execute(text)  # type: ignore[arg-type]


def test_a_job_that_the_database_refuses_is_told_and_comes_later(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    due = add(storage).next_fire_at
    add(storage, "other", kind="good")
    by_hand(backend, storage, "ALTER TABLE job ADD CONSTRAINT refuse CHECK (kind <> 'work')")
    clock.advance(60)

    assert [numbers(fire(storage)) for _ in range(2)] == [(1, 0, 0, 1), (0, 0, 0, 1)]
    assert "refuse" in str(record_of(storage).last_error)
    assert (record_of(storage).next_fire_at, record_of(storage).last_fire_at) == (due, None)

    by_hand(backend, storage, "ALTER TABLE job DROP CONSTRAINT refuse")
    assert numbers(fire(storage)) == (1, 0, 0, 0)
    assert [job.scheduled_at for job in jobs(storage)] == [due, due]


def test_a_schedule_that_somebody_is_changing_holds_up_nobody(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    add(storage)
    add(storage, "other", kind="other")
    clock.advance(60)
    other = backend.open(clock)

    def slow(record: ScheduleRecord | None) -> ScheduleRecord:
        assert record is not None
        assert numbers(fire(other)) == (1, 0, 0, 0), "one is skipped, the other fires"
        return changed_by({"queue": "changed"}, record, clock.now())

    storage.schedules.edit("report", slow)

    assert (fires(storage), len(fires(storage, "other"))) == ([], 1)
    assert numbers(fire(storage)) == (1, 0, 0, 0)
    assert [(job.kind, job.queue) for job in jobs(storage)] == [("other", "default"), ("work", "changed")]
