"""The suite runs on every kind of database, and on Debian's own PostgreSQL where that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backends import BACKENDS, Backend, debians_postgres
from tests.support.postgres import debians

HERE = BACKENDS | ({"postgres-debian": debians_postgres} if debians() else {})


@pytest.fixture(params=sorted(HERE))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """An empty database, once for each kind of database."""
    made = HERE[request.param](tmp_path)
    yield made
    made.close()
