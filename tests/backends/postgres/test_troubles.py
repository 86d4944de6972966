"""What about the server makes a queue slow is told to its operators."""

from __future__ import annotations

import psycopg
import pytest

from forge_jobs.storage.postgres import upkeep
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.builders import ALL, enqueue_some
from tests.support.postgres import server_url
from tests.support.until import until


def test_a_server_in_order_has_no_troubles(storage: PostgresStorage) -> None:
    assert storage.upkeep.troubles() == []


def test_a_snapshot_that_is_held_is_told(storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(server_url(), application_name="report") as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1")
        assert storage.upkeep.troubles() == [], "not before a minute"
        monkeypatch.setattr(upkeep, "HELD_FOR", 0.0)
        what = f"transaction of pid {connection.info.backend_pid}"
        (trouble,) = [trouble for trouble in storage.upkeep.troubles() if trouble.what == what]

    assert trouble.told.startswith(
        f"{what} (report, idle in transaction) has been open for 0 s: the server keeps every"
    )


def test_many_dead_rows_are_told(storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "MANY_DEAD", 100)
    enqueue_some(storage, 300)
    storage.operator.delete(ALL, 500, 0)

    (trouble,) = until(storage.upkeep.troubles, told="the server to count")

    assert trouble.told.startswith("the job table has 300 dead rows and 0 living ones: autovacuum is behind")
