"""Schedules in a SQLite file: rows that are written by hand, and a database that takes no job."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from forge_jobs.storage import Storage, open_storage
from tests.support.clock import FakeClock
from tests.support.schedules import add, fire, jobs, numbers, record_of


@pytest.fixture
def storage(tmp_path: Path, clock: FakeClock) -> Storage:
    return open_storage(f"sqlite:///{tmp_path}/queue.sqlite", clock=clock)


def by_hand(storage: Storage, text: str) -> None:
    connection = apsw.Connection(storage.location)
    connection.execute(text)
    connection.close()


def test_a_job_that_the_database_refuses_is_told_and_comes_later(storage: Storage, clock: FakeClock) -> None:
    due = add(storage).next_fire_at
    add(storage, "other", kind="good")
    by_hand(
        storage,
        "CREATE TRIGGER refuse BEFORE INSERT ON job WHEN new.kind = 'work' BEGIN SELECT RAISE(ABORT, 'not now'); END",
    )
    clock.advance(60)

    assert [numbers(fire(storage)) for _ in range(2)] == [(1, 0, 0, 1), (0, 0, 0, 1)]
    assert "not now" in str(record_of(storage).last_error)
    assert (record_of(storage).next_fire_at, record_of(storage).last_fire_at, record_of(storage).enabled) == (
        due, None, True,
    )  # fmt: skip

    by_hand(storage, "DROP TRIGGER refuse")
    assert numbers(fire(storage)) == (1, 0, 0, 0)
    assert [job.scheduled_at for job in jobs(storage)] == [due, due]
    assert record_of(storage).last_error is None


WRONG = [
    "next_fire_at = last_fire_at",
    "next_fire_at = last_fire_at - 1",
    "next_fire_at = 'soon'",
    "overlap = 'queue'",
    "misfire = 'two'",
    "payload = '{'",
    "payload = x'7b7d'",
    "expression = x'00'",
    "priority = 'high'",
    "jitter = 'some'",
]


@pytest.mark.parametrize("change", WRONG)
def test_a_row_that_no_program_could_read_cannot_be_written(storage: Storage, clock: FakeClock, change: str) -> None:
    add(storage)
    clock.advance(60)
    fire(storage)

    with pytest.raises(apsw.ConstraintError):
        by_hand(storage, f"UPDATE schedule SET {change}")


def test_a_time_that_is_set_by_hand_fires_nothing_twice(storage: Storage, clock: FakeClock) -> None:
    add(storage, overlap="allow", misfire="all")
    clock.advance(180)
    assert numbers(fire(storage)) == (3, 0, 0, 0)

    by_hand(storage, "UPDATE schedule SET next_fire_at = last_fire_at + 1")
    clock.advance(60)

    assert numbers(fire(storage)) == (1, 0, 0, 0)
    assert len({job.scheduled_at for job in jobs(storage)}) == len(jobs(storage)) == 4
