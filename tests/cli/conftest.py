"""A place to run commands in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.farm import Farm, farms


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    yield from farms(tmp_path)
