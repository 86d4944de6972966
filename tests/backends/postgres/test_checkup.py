"""What a check finds about a server."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from forge_jobs.model.checks import Check, Level
from forge_jobs.storage.postgres import checkup
from forge_jobs.storage.postgres.checkup import _settings
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.postgres import having, server_url

GOOD = ("18.1", 180_001, True, "on", True, True, False)


def found(storage: PostgresStorage) -> dict[str, Check]:
    return {check.name: check for check in storage.checkup.checks(deep=False)}


def judged(**changes: Any) -> dict[str, Check]:
    names = ("version", "number", "fsync", "synchronous_commit", "full_page_writes", "autovacuum", "standby")
    return {check.name: check for check in _settings(tuple((dict(zip(names, GOOD, strict=True)) | changes).values()))}


def test_the_server_of_the_tests_is_told_to_be_careless(schema: str) -> None:
    storage = PostgresStorage(server_url(), schema=schema)
    storage.schema.create()

    seen = found(storage)

    assert (seen["durability"].level, seen["durability"].told[:13]) == (Level.PROBLEM, "fsync is off:")
    assert {seen[name].level for name in ("version", "autovacuum", "clock", "connections", "dead rows")} == {Level.OK}
    assert "prepared statements" in seen["pooler"].told
    storage.close()


@pytest.mark.parametrize(
    ("changes", "name", "level"),
    [
        ({}, "durability", Level.OK),
        ({"fsync": False}, "durability", Level.PROBLEM),
        ({"full_page_writes": False}, "durability", Level.PROBLEM),
        ({"synchronous_commit": "off"}, "durability", Level.WARNING),
        ({"synchronous_commit": "remote_apply"}, "durability", Level.OK),
        ({"autovacuum": False}, "autovacuum", Level.PROBLEM),
        ({"standby": True}, "standby", Level.PROBLEM),
        ({"number": 130_010}, "version", Level.PROBLEM),
        ({"number": 140_000}, "version", Level.OK),
    ],
)
def test_settings_are_judged(changes: dict[str, Any], name: str, level: Level) -> None:
    assert judged(**changes)[name].level is level


def test_a_snapshot_that_is_held_is_found(schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = PostgresStorage(server_url(), schema=schema)
    storage.schema.create()
    monkeypatch.setattr(checkup, "HELD_FOR", 0.0)
    with psycopg.connect(server_url(), application_name="a report") as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM pg_class")

        told = [check.told for check in storage.checkup.checks(deep=False) if check.name == "snapshots"]

    assert any("a report" in line and "nothing it may see can be vacuumed" in line for line in told)
    storage.close()


def test_a_pooler_is_told(schema: str) -> None:
    PostgresStorage(server_url(), schema=schema).schema.create()
    storage = PostgresStorage(having(server_url(), pooled="yes"), schema=schema)

    assert "through a pooler" in found(storage)["pooler"].told
    storage.close()
