"""The schema's versions: made once, whoever is first; programs before a breaking one are shut out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from forge_jobs.errors import DatabaseBusy, DatabaseError, SchemaMismatch
from forge_jobs.storage import sql
from forge_jobs.storage.postgres import migrating
from forge_jobs.storage.postgres import schema as schema_module
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.builders import enqueue
from tests.support.postgres import server_url

KNOWN = sql.migrations("postgres")
NEXT = KNOWN[-1][0] + 1

Newer = Callable[..., None]


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Newer:
    """Let the program be one that knows one migration more."""

    def know(text: str) -> None:
        more = (*KNOWN, (NEXT, f"{NEXT:04}_next", text))
        for module in (migrating, schema_module):
            monkeypatch.setattr(module, "migrations", lambda _backend: more)

    return know


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the program be the one it is again."""

    def forget() -> None:
        for module in (migrating, schema_module):
            monkeypatch.setattr(module, "migrations", lambda _backend: KNOWN)

    return forget


def opened(schema: str) -> PostgresStorage:
    return PostgresStorage(server_url(), schema=schema)


def test_ten_programs_that_start_at_once_create_it_once(schema: str) -> None:
    barrier = threading.Barrier(10)

    def create() -> bool:
        storage = opened(schema)
        barrier.wait()
        made = storage.schema.create()
        enqueue(storage)
        storage.close()
        return made

    with ThreadPoolExecutor(10) as pool:
        made = [done.result() for done in [pool.submit(create) for _ in range(10)]]

    assert made.count(True) == 1
    storage = opened(schema)
    assert storage.operator.counts()["default"].pending == 10
    storage.schema.drop()


def test_a_database_without_the_schema_says_how_to_get_it(schema: str) -> None:
    with pytest.raises(SchemaMismatch, match="has no forge-jobs schema: run forge-jobs-db create"):
        enqueue(opened(schema))


def test_a_program_that_needs_a_newer_schema_says_how_to_get_it(storage: PostgresStorage, newer: Newer) -> None:
    newer("CREATE TABLE forge_jobs.more (n integer)")
    storage.close()

    with pytest.raises(SchemaMismatch, match=f"this program needs {NEXT}: run forge-jobs-db migrate"):
        enqueue(storage)
    assert storage.schema.describe()["pending_migrations"] == [f"{NEXT:04}_next"]

    assert storage.schema.migrate() == [f"{NEXT:04}_next"]
    enqueue(storage)


def test_older_programs_work_on_while_a_migration_does_not_break_them(
    storage: PostgresStorage, newer: Newer, older: Callable[[], None]
) -> None:
    newer("ALTER TABLE forge_jobs.job ADD COLUMN colour text")
    storage.schema.migrate()
    older()
    storage.close()

    enqueue(storage)
    assert storage.schema.migrate() == []
    assert storage.schema.describe()["schema_version"] == NEXT


def test_older_programs_are_shut_out_by_a_migration_that_breaks_them(
    storage: PostgresStorage, newer: Newer, older: Callable[[], None]
) -> None:
    newer("-- breaking\nALTER TABLE forge_jobs.job RENAME COLUMN kind TO sort")
    storage.schema.migrate()
    older()
    storage.close()

    with pytest.raises(SchemaMismatch, match=f"for programs from version {NEXT}; .* upgrade it"):
        enqueue(storage)
    with pytest.raises(SchemaMismatch, match="upgrade it"):
        storage.schema.migrate()


def test_a_migration_that_fails_changes_nothing(storage: PostgresStorage, newer: Newer) -> None:
    newer("CREATE TABLE forge_jobs.more (n integer); SELECT 1 / 0")

    with pytest.raises(DatabaseError, match="division by zero"):
        storage.schema.migrate()

    assert storage.schema.describe()["schema_version"] == NEXT - 1
    with psycopg.connect(server_url()) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = 'more'",
            (storage._database.schema,),
        )
        assert tables.fetchone() == (0,)


def test_a_migration_does_not_make_the_farm_wait_behind_a_long_transaction(
    storage: PostgresStorage, newer: Newer, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = opened(storage._database.schema)
    enqueue(another)
    monkeypatch.setattr(migrating, "TRIES", 2)
    newer("ALTER TABLE forge_jobs.job ADD COLUMN colour text")
    with psycopg.connect(server_url()) as long, ThreadPoolExecutor(1) as pool:
        long.execute(f"SELECT count(*) FROM {storage._database.schema}.job")  # type: ignore[arg-type]
        migration = pool.submit(storage.schema.migrate)
        enqueue(another)  # behind a migration that waits: for as long as that waits, and no longer
        with pytest.raises(DatabaseBusy, match="nothing was changed: end that transaction"):
            migration.result()
        long.rollback()
    another.close()

    assert storage.schema.migrate() == [f"{NEXT:04}_next"]
