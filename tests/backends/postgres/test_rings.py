"""A ring costs everybody a turn in a line: none is sent that helps nobody."""

from __future__ import annotations

import contextlib
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.storage.ports import Doorbell
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.doorbell import PostgresDoorbell
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.builders import enqueue, enqueue_some
from tests.support.hands import Hand

BACKLOG = 256


@pytest.fixture
def bell(storage: PostgresStorage) -> Iterator[Doorbell]:
    made = storage.doorbell("host-a")
    yield made
    made.close()


def rings(bell: Doorbell, storage: PostgresStorage) -> list[str]:
    """Return the queues that have rung by now: what is rung after it is heard after it."""
    enqueue(storage, queue="last")
    heard: list[str] = []
    waiting = select.poll()
    waiting.register(bell, select.POLLIN)
    while "last" not in heard:
        assert waiting.poll(3000), heard
        heard += [queue for queue, _ready, _due in bell.rings()]
    return heard[:-1]


def test_the_first_jobs_of_a_backlog_ring_and_the_others_do_not(storage: PostgresStorage, bell: Doorbell) -> None:
    enqueue_some(storage, BACKLOG - 2)
    assert rings(bell, storage) == ["default"]

    for _ in range(5):
        enqueue(storage)

    assert rings(bell, storage) == ["default"] * 2


def test_a_backlog_of_another_queue_is_another_matter(storage: PostgresStorage, bell: Doorbell) -> None:
    enqueue_some(storage, BACKLOG)
    rings(bell, storage)

    enqueue(storage, queue="media")

    assert rings(bell, storage) == ["media"]


@pytest.mark.parametrize(("seconds", "heard"), [(0.5, ["default"]), (5.0, [])])
def test_a_job_that_is_due_later_does_not_ring(
    storage: PostgresStorage, bell: Doorbell, seconds: float, heard: list[str]
) -> None:
    enqueue(storage, run_at=storage.clock.now() + round(seconds * MICROSECONDS))

    assert rings(bell, storage) == heard


@pytest.mark.parametrize(("seconds", "heard"), [(0.5, ["default"]), (5.0, [])])
def test_nor_does_one_that_is_tried_again_later(
    storage: PostgresStorage, bell: Doorbell, seconds: float, heard: list[str]
) -> None:
    enqueue(storage)
    rings(bell, storage)

    Hand(storage).fail(wait=seconds)

    assert rings(bell, storage) == heard


def test_that_nobody_listens_is_told_in_a_line_however_many_servers_were_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = Database(f"postgresql://forge@/postgres?host={tmp_path}/a,{tmp_path}/b")
    with contextlib.closing(PostgresDoorbell(away)) as bell:
        assert bell.rings() == []

    (told,) = caplog.messages
    assert told.startswith("nobody listens for rings (database postgresql://forge@")
    assert told.endswith("): new jobs are noticed within half a second")
    assert "\n" not in told
