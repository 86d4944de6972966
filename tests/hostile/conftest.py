"""One application on each kind of database, for all of a module's tests: what they store is in nobody's way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from forge_jobs import ForgeJobs
from forge_jobs.clock import SystemClock
from forge_jobs.config import Location
from tests.support.backends import BACKENDS
from tests.support.builders import a_queue


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, ForgeJobs]]:
    """An application on each."""
    opened = {name: make(tmp_path_factory.mktemp(name)) for name, make in BACKENDS.items()}
    made = {}
    for name, backend in opened.items():
        storage = backend.open(SystemClock())
        a_queue(storage)
        made[name] = ForgeJobs(backend.url)
        made[name].use(storage, Location(backend.url, "the test"))
    yield made
    for backend in opened.values():
        backend.close()
