"""Migrations: applied once, in order, all or nothing; a schema that is not known is refused."""

from __future__ import annotations

import threading
from pathlib import Path

import apsw
import pytest

from forge_jobs.errors import DatabaseError, SchemaMismatch
from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.sql import migrations
from forge_jobs.storage.sqlite import migrating, opening
from forge_jobs.storage.sqlite.migrating import APPLICATION_ID
from tests.support.builders import enqueue
from tests.support.forking import fork

NEWEST = migrations("sqlite")[-1][0]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [version for version, _name, _text in migrations("sqlite")] == list(range(1, NEWEST + 1))
    assert all(name.startswith(f"{version:04d}_") for version, name, _text in migrations("sqlite"))


def test_a_new_database_is_marked_as_ours_and_as_the_newest(connection: apsw.Connection) -> None:
    assert connection.pragma("application_id") == APPLICATION_ID
    assert connection.pragma("user_version") == NEWEST
    assert connection.pragma("journal_mode") == "wal"


def test_the_connection_keeps_what_was_acknowledged_through_a_power_cut(connection: apsw.Connection) -> None:
    assert connection.pragma("synchronous") == 2  # FULL


def test_an_empty_file_is_taken_for_a_new_database(path: Path) -> None:
    path.touch()
    storage = open_storage(f"sqlite:///{path}")
    assert storage.schema.describe()["exists"] is False

    assert storage.schema.create()
    storage.close()


def test_a_newer_schema_is_refused_in_one_sentence(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    enqueue(storage)
    storage.close()
    later = apsw.Connection(str(path))
    later.pragma("user_version", NEWEST + 5)
    later.close()

    for act in (storage.schema.describe, storage.schema.create, storage.operator.counts, lambda: enqueue(storage)):
        with pytest.raises(SchemaMismatch) as told:
            act()
        assert str(told.value) == (
            f"database {path} has schema version {NEWEST + 5}, made by a newer forge-jobs; "
            f"this program knows versions up to {NEWEST}: upgrade it"
        )


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of this program that has one more migration."""
    known = migrations("sqlite")
    more = (*known, (NEWEST + 1, f"{NEWEST + 1:04d}_more", "CREATE TABLE more (a INTEGER); CREATE INDEX m ON more (a)"))
    monkeypatch.setattr(migrating, "migrations", lambda _backend: more)
    monkeypatch.setattr("forge_jobs.storage.sqlite.schema.migrations", lambda _backend: more)


def test_an_older_database_is_upgraded_when_it_is_opened(storage: Storage, one_more: None) -> None:
    assert storage.schema.migrate()[-1] == f"{NEWEST + 1:04d}_more"
    assert storage.schema.migrate() == []
    assert storage.schema.describe()["schema_version"] == NEWEST + 1


def test_only_what_is_pending_is_applied(path: Path, request: pytest.FixtureRequest) -> None:
    storage = open_storage(f"sqlite:///{path}")
    job_id = enqueue(storage)
    storage.close()
    request.getfixturevalue("one_more")

    assert storage.schema.describe()["pending_migrations"] == [f"{NEWEST + 1:04d}_more"]
    assert storage.schema.migrate() == [f"{NEWEST + 1:04d}_more"]
    assert storage.operator.get(job_id) is not None
    storage.close()


def test_a_migration_that_fails_leaves_everything_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage(f"sqlite:///{path}")
    enqueue(storage)
    storage.close()
    bad = (*migrations("sqlite"), (NEWEST + 1, "bad", "CREATE TABLE half (a INTEGER); SELECT no_such_function()"))
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migrations", lambda _backend: bad)
        with pytest.raises(DatabaseError, match="no_such_function"):
            storage.operator.counts()

    assert storage.operator.counts()["default"].pending == 1
    assert storage.schema.describe()["schema_version"] == NEWEST
    tables = apsw.Connection(str(path)).execute("SELECT name FROM sqlite_schema WHERE name = 'half'").fetchall()
    assert tables == []
    storage.close()


def test_threads_that_open_a_new_database_at_once_do_not_meet(path: Path) -> None:
    failures: list[BaseException] = []

    def first() -> None:
        try:
            storage = open_storage(f"sqlite:///{path}")
            enqueue(storage)
            storage.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=first) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    storage = open_storage(f"sqlite:///{path}")
    assert storage.operator.counts()["default"].pending == 8
    storage.close()


def test_a_connection_that_is_closed_amid_the_opening_of_another_is_not_taken_for_a_strangers(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = open_storage(f"sqlite:///{path}"), open_storage(f"sqlite:///{path}")
    enqueue(one)
    closing = threading.Thread(target=one.close)
    look = opening.has_open

    def has_open(path: Path) -> bool:
        found = look(path)
        closing.start()
        closing.join(0.2)
        return found

    monkeypatch.setattr(opening, "has_open", has_open)
    enqueue(other)
    closing.join()
    other.close()


def test_processes_that_open_a_new_database_at_once_do_not_meet(path: Path) -> None:
    def first() -> str:
        return enqueue(open_storage(f"sqlite:///{path}"))

    children = [fork(first) for _ in range(4)]
    ids = {child() for child in children}

    storage = open_storage(f"sqlite:///{path}")
    assert set(storage.operator.statuses(list(ids))) == ids
    storage.close()
