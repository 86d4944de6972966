"""The suite runs on every version of every kind of database that is here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backends import EVERY_VERSION, Backend


@pytest.fixture(params=sorted(EVERY_VERSION))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """An empty database, once for each of them."""
    made = EVERY_VERSION[request.param](tmp_path)
    yield made
    made.close()
