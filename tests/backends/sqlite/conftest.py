"""A SQLite file and its insides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.sqlite.storage import SqliteStorage
from tests.support.clock import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is, or will be."""
    return tmp_path / "queue.sqlite"


@pytest.fixture
def storage(path: Path, clock: FakeClock) -> Iterator[Storage]:
    """The storage of an empty SQLite file."""
    made = open_storage(f"sqlite:///{path}", clock=clock)
    yield made
    made.close()


@pytest.fixture
def connection(storage: Storage) -> Iterator[apsw.Connection]:
    """The storage's own connection."""
    assert isinstance(storage, SqliteStorage)
    with storage._database.reading() as opened:
        yield opened
