"""An application over the storage of the test."""

from __future__ import annotations

import pytest

from forge_jobs import ForgeJobs
from forge_jobs.config import Location
from forge_jobs.storage import Storage
from tests.support.backends import Backend


@pytest.fixture
def jobs(storage: Storage, backend: Backend) -> ForgeJobs:
    """An application without handlers, its database empty, going by ``clock``."""
    made = ForgeJobs(backend.url)
    made.use(storage, Location(backend.url, "the test"))
    return made
