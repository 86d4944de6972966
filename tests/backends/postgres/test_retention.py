"""Retention by number beside somebody else who removes jobs: what is counted and what is chosen go together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.builders import a_queue, enqueue_some
from tests.support.hands import Hand
from tests.support.postgres import server_url

REMOVE = """
WITH gone AS (
    DELETE FROM job WHERE seq = ANY (ARRAY(SELECT seq FROM job WHERE status = 'done' ORDER BY finished_at LIMIT 4))
)
INSERT INTO tally (queue, outcome, change) VALUES ('default', 'done', -4)
"""


@pytest.fixture
def other(schema: str, storage: PostgresStorage) -> Iterator[psycopg.Connection[Any]]:
    """A connection of somebody else who removes jobs: the second leader, ``forge-jobs cleanup``, or an operator."""
    with psycopg.connect(server_url(), options=f"-c search_path={schema}") as connection:
        yield connection


@pytest.fixture
def ids(storage: PostgresStorage) -> list[str]:
    """Ten jobs that are done, the oldest first, of which their queue keeps six."""
    a_queue(storage, keep_done_jobs=6)
    enqueue_some(storage, 10)
    hand = Hand(storage)
    return [hand.finish() for _ in range(10)]


def test_what_another_is_removing_is_not_removed_in_other_jobs_too(
    storage: PostgresStorage, other: psycopg.Connection[Any], ids: list[str]
) -> None:
    other.execute(REMOVE)

    assert storage.upkeep.clean(100) == {}

    other.commit()
    assert list(storage.operator.statuses(ids)) == ids[4:]
    assert storage.operator.counts()["default"].done == 6


def test_what_another_takes_back_is_removed_later(
    storage: PostgresStorage, other: psycopg.Connection[Any], ids: list[str]
) -> None:
    other.execute(REMOVE)
    storage.upkeep.clean(100)
    other.rollback()

    assert storage.upkeep.clean(100) == {("default", "done"): 4}
    assert list(storage.operator.statuses(ids)) == ids[4:]


def test_what_another_has_removed_since_the_count_is_not_removed_in_other_jobs_too(
    storage: PostgresStorage, other: psycopg.Connection[Any], ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a queue keeps is looked up after its jobs have been counted, and before any are chosen."""
    kept = QueueSettings.kept

    def kept_meanwhile(settings: QueueSettings, outcome: str) -> tuple[float | None, int | None]:
        if storage._database._in_transaction:
            other.execute(REMOVE)
            other.commit()
        return kept(settings, outcome)

    monkeypatch.setattr(QueueSettings, "kept", kept_meanwhile)

    assert storage.upkeep.clean(100) == {}

    assert list(storage.operator.statuses(ids)) == ids[4:]
    assert storage.operator.counts()["default"].done == 6


def test_of_jobs_that_ended_at_one_instant_everybody_chooses_the_same(
    storage: PostgresStorage, other: psycopg.Connection[Any], ids: list[str]
) -> None:
    other.execute("UPDATE job SET finished_at = now()")
    other.execute("UPDATE job SET priority = 1 WHERE id = ANY(%s::uuid[])", (ids[:3],))  # their rows move to the end
    other.commit()

    assert storage.upkeep.clean(100) == {("default", "done"): 4}

    assert list(storage.operator.statuses(ids)) == ids[4:]
