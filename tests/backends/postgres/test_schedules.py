"""Schedules on a server: a database that takes no job, and what a leader that waits for another does."""

from __future__ import annotations

import threading
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
from tests.support.until import until


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


def test_a_change_that_is_under_way_when_it_fires_is_waited_for(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    add(storage)
    clock.advance(60)
    other = backend.open(clock)
    entered, leave = threading.Event(), threading.Event()

    def slow(record: ScheduleRecord | None) -> ScheduleRecord:
        assert record is not None
        entered.set()
        assert leave.wait(10)
        return changed_by({"queue": "changed"}, record, clock.now())

    changing = threading.Thread(target=lambda: storage.schedules.edit("report", slow))
    changing.start()
    assert entered.wait(10)
    firing = threading.Thread(target=lambda: fire(other))
    firing.start()
    watching: psycopg.Connection[Any] = backend.connection()
    until(
        lambda: watching.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall(),
        told="the firing to wait for it",
    )
    leave.set()
    changing.join()
    firing.join()

    assert fires(storage) == []
    assert numbers(fire(storage)) == (1, 0, 0, 0)
    assert [job.queue for job in jobs(storage)] == ["changed"]
