"""A schema of its own, and its insides."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.postgres import server_url


@pytest.fixture
def schema() -> str:
    """The name of a schema that is not there yet, in a server that runs."""
    server_url()
    return f"t{os.urandom(6).hex()}"


@pytest.fixture
def storage(schema: str) -> Iterator[PostgresStorage]:
    """The storage of an empty schema, going by the server's clock."""
    made = PostgresStorage(server_url(), schema=schema)
    made.schema.create()
    yield made
    made.schema.drop()
    made.close()
