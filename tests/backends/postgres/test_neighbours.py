"""A database that is not ours alone: other programs' tables, odd names, encodings and defaults."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from forge_jobs.errors import DatabaseBusy, DatabaseUnusable, ForkedProcess, InvalidValue
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.builders import a_job, a_queue, enqueue, enqueue_some
from tests.support.forking import in_child
from tests.support.hands import Hand
from tests.support.postgres import server_url


@pytest.fixture
def admin() -> Iterator[psycopg.Connection]:
    with psycopg.connect(server_url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def precious(admin: psycopg.Connection, schema: str) -> str:
    """A schema of another program, with a table."""
    admin.execute(f"CREATE SCHEMA {schema}")  # type: ignore[arg-type]
    admin.execute(f"CREATE TABLE {schema}.precious AS SELECT 1 AS n")  # type: ignore[arg-type]
    return schema


def rows(admin: psycopg.Connection, schema: str) -> int:
    found = admin.execute(f"SELECT count(*) FROM {schema}.precious").fetchone()  # type: ignore[arg-type]
    assert found is not None
    return int(found[0])


def test_a_schema_with_tables_of_another_program_is_refused(admin: psycopg.Connection, precious: str) -> None:
    storage = PostgresStorage(server_url(), schema=precious)

    with pytest.raises(DatabaseUnusable, match=r"has tables of another program in it \(precious\)"):
        storage.schema.create()

    assert not storage.schema.drop()
    assert rows(admin, precious) == 1


def test_what_others_put_into_our_schema_survives_reset_and_drop(
    admin: psycopg.Connection, storage: PostgresStorage
) -> None:
    schema = storage._database.schema
    admin.execute(f"CREATE TABLE {schema}.precious AS SELECT 1 AS n")  # type: ignore[arg-type]
    enqueue(storage)

    storage.schema.reset()
    assert storage.operator.counts() == {}
    assert storage.schema.drop()

    assert rows(admin, schema) == 1
    assert storage.schema.describe()["exists"] is False


@pytest.mark.parametrize("schema", ["user", "order"])
def test_a_schema_may_have_the_name_of_a_keyword(schema: str) -> None:
    storage = PostgresStorage(server_url(), schema=schema)
    storage.schema.create()
    try:
        enqueue(storage)
        hand = Hand(storage)
        hand.finish()
        assert storage.upkeep.troubles() == []
    finally:
        storage.schema.drop()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_take_every_text_is_refused(admin: psycopg.Connection, encoding: str) -> None:
    name = f"d{os.urandom(6).hex()}"
    admin.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")  # type: ignore[arg-type]
    try:
        storage = PostgresStorage(server_url().replace("/postgres?", f"/{name}?"))
        with pytest.raises(DatabaseUnusable, match=f"has the encoding {encoding}: use one that has UTF8"):
            storage.schema.create()
        storage.close()
    finally:
        admin.execute(f"DROP DATABASE {name}")  # type: ignore[arg-type]


def test_the_encoding_of_the_clients_surroundings_does_not_matter(
    storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    storage.close()

    job_id = storage.producer.enqueue([a_job(payload='{"a": "é€"}'.encode())])[0].id

    found = storage.operator.get(job_id)
    assert found is not None
    assert found.payload == '{"a": "é€"}'.encode()


def test_the_isolation_that_others_like_does_not_matter(
    storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_isolation=serializable")
    storage.close()
    a_queue(storage, max_workers=2)

    with storage._database.single() as connection:
        assert connection.execute("SHOW transaction_isolation").fetchall() == [("read committed",)]
    with storage._database.writing() as connection:
        assert connection.execute("SHOW transaction_isolation").fetchall() == [("read committed",)]


def test_a_bulk_of_jobs_with_keys_rings_for_all_of_them(storage: PostgresStorage) -> None:
    bell = storage.doorbell("host-a")
    storage.producer.enqueue([a_job(unique_key=str(n)) for n in range(20)])

    with psycopg.connect(server_url(), autocommit=True) as connection, connection.transaction():
        for _ in range(3):
            storage.producer.enqueue([a_job()], connection)

    heard: list[tuple[str, int, int | None]] = []
    while sum(ready for _queue, ready, _due in heard) < 23:
        heard += bell.rings()
    assert sorted(ready for _queue, ready, _due in heard) == [1, 1, 1, 20]
    bell.close()


def test_a_connection_in_pipeline_mode_is_refused(storage: PostgresStorage) -> None:
    with (
        psycopg.connect(server_url()) as connection,
        connection.pipeline(),
        pytest.raises(InvalidValue, match="pipeline mode"),
    ):
        storage.producer.enqueue([a_job()], connection)


def test_behind_a_pooler_a_handlers_connection_prepares_nothing(schema: str) -> None:
    storage = PostgresStorage(f"{server_url()}&pooled=yes", schema=schema)

    with storage._database.lending() as lent:
        assert lent.prepare_threshold is None


def test_threads_wait_for_each_other_no_longer_than_the_deadline(schema: str) -> None:
    storage = PostgresStorage(server_url(), schema=schema, deadline=0.2)
    storage.schema.create()
    other = PostgresStorage(server_url(), schema=schema)
    enqueue_some(other, 1)
    refused = pytest.raises(DatabaseBusy, match="other threads of this process")
    with storage._database._turn(), ThreadPoolExecutor(1) as pool, refused:
        pool.submit(storage.operator.counts).result()
    other.schema.drop()


def test_a_child_forked_while_another_thread_looks_something_up_goes_on(storage: PostgresStorage) -> None:
    job_id = enqueue(storage)
    inside, over = threading.Event(), threading.Event()

    def looks_up() -> None:
        with storage._database.snapshot():
            inside.set()
            over.wait()

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(looks_up)
        inside.wait()
        theirs = in_child(lambda: enqueue(storage))
        over.set()
        looking.result()

    assert set(storage.operator.statuses([job_id, theirs])) == {job_id, theirs}


def test_a_child_forked_amid_its_own_transaction_is_refused(storage: PostgresStorage) -> None:
    def child() -> str:
        with pytest.raises(ForkedProcess, match="was forked while its parent was writing"):
            enqueue(storage)
        return "refused"

    with storage._database.writing():
        assert in_child(child) == "refused"


def test_a_question_amid_a_call_leaves_the_call_its_own_time(storage: PostgresStorage) -> None:
    database = storage._database
    with database.writing() as connection:
        left = database._give_up_at
        with database._turn(0.5):
            assert database._give_up_at < left
        assert database._give_up_at == left
        assert connection.give_up_at == left  # type: ignore[attr-defined]
