"""A disk that lies, and a database in which there is something for every act, for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_jobs.storage import open_storage
from tests.faults.acts import live_in
from tests.faults.disk import Disk
from tests.support.clock import FakeClock


@pytest.fixture(scope="module")
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    made.unregister()


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file in which there is something for every act."""
    path = tmp_path_factory.mktemp("lived-in") / "queue.sqlite"
    storage = open_storage(f"sqlite:///{path}", clock=FakeClock())
    live_in(storage)
    storage.close()
    return path
