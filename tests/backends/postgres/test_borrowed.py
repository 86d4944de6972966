"""The connections of other libraries: enqueueing inside their transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy
from django.conf import settings
from django.db import connections, transaction
from psycopg.rows import dict_row
from sqlalchemy.orm import Session

from forge_jobs.errors import DatabaseError, InvalidValue
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.builders import a_job
from tests.support.postgres import server_url


def is_there(storage: PostgresStorage, job_id: str) -> bool:
    return storage.operator.get(job_id) is not None


@pytest.fixture
def engine() -> Iterator[sqlalchemy.Engine]:
    made = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(server_url()))
    yield made
    made.dispose()


def test_sqlalchemys_connection(storage: PostgresStorage, engine: sqlalchemy.Engine) -> None:
    with engine.begin() as connection:
        (kept,) = storage.producer.enqueue([a_job(unique_key="k")], connection)
        assert not is_there(storage, kept.id)
    with engine.connect() as connection:
        (gone,) = storage.producer.enqueue([a_job()], connection)
        connection.rollback()

    assert (is_there(storage, kept.id), is_there(storage, gone.id)) == (True, False)


def test_sqlalchemys_session(storage: PostgresStorage, engine: sqlalchemy.Engine) -> None:
    with Session(engine) as session, session.begin():
        session.execute(sqlalchemy.text("SELECT 1"))
        (kept,) = storage.producer.enqueue([a_job()], session)

    assert is_there(storage, kept.id)


def test_sqlalchemys_raw_connection(storage: PostgresStorage, engine: sqlalchemy.Engine) -> None:
    raw = engine.raw_connection()
    (kept,) = storage.producer.enqueue([a_job()], raw)
    raw.commit()
    raw.close()

    assert is_there(storage, kept.id)


@pytest.fixture
def django() -> Iterator[Any]:
    """Django's connection."""
    if not settings.configured:
        told = psycopg.conninfo.conninfo_to_dict(server_url())
        settings.configure(
            DATABASES={
                "default": {
                    "ENGINE": "django.db.backends.postgresql",
                    "NAME": told["dbname"],
                    "USER": told.get("user"),
                    "PASSWORD": told.get("password"),
                    "HOST": told.get("host"),
                    "PORT": told.get("port"),
                }
            }
        )
    yield connections["default"]
    connections["default"].close()


def test_djangos_connection(storage: PostgresStorage, django: Any) -> None:
    with transaction.atomic():
        (kept,) = storage.producer.enqueue([a_job(unique_key="k")], django)
        assert not is_there(storage, kept.id)
    with transaction.atomic():
        (gone,) = storage.producer.enqueue([a_job()], django.connection)
        transaction.set_rollback(True)

    assert (is_there(storage, kept.id), is_there(storage, gone.id)) == (True, False)


def test_a_connection_with_ways_of_its_own(storage: PostgresStorage) -> None:
    with psycopg.connect(server_url(), row_factory=dict_row, cursor_factory=psycopg.ClientCursor) as connection:
        (kept,) = storage.producer.enqueue([a_job(unique_key="k")], connection)
        (again,) = storage.producer.enqueue([a_job(unique_key="k")], connection)
        assert connection.execute("SELECT 1 AS one").fetchall() == [{"one": 1}]

    assert (again.id, again.deduplicated) == (kept.id, True)
    assert is_there(storage, kept.id)


def test_a_connection_that_waits_for_nobody_is_refused(storage: PostgresStorage) -> None:
    async def refuse() -> None:
        connection = await psycopg.AsyncConnection.connect(server_url())
        with pytest.raises(InvalidValue, match=r"connection is a psycopg.*AsyncConnection: give an open"):
            storage.producer.enqueue([a_job()], connection)
        await connection.close()

    asyncio.run(refuse())


def test_a_connection_to_a_database_without_the_schema_is_told_so(storage: PostgresStorage) -> None:
    storage.schema.drop()
    with (
        psycopg.connect(server_url()) as connection,
        pytest.raises(DatabaseError, match="run forge-jobs-db create"),
    ):
        storage.producer.enqueue([a_job()], connection)


def test_the_clock_is_the_servers_also_when_only_borrowed_connections_are_used(schema: str) -> None:
    made = PostgresStorage(server_url(), schema=schema)
    made.schema.create()
    client = PostgresStorage(server_url(), schema=schema)
    with psycopg.connect(server_url()) as connection:
        client.producer.enqueue([a_job()], connection)

    assert client.clock._ahead is not None  # type: ignore[attr-defined]
    assert client._database._connection is None
    made.schema.drop()
