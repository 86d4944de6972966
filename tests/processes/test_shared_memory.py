"""What workers need is imported and read before they are forked, so that they share it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.farm import Farm, farm_in_schema, farms
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes


@pytest.fixture(params=["sqlite", "postgres"])
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    sqlite = contextlib.contextmanager(farms)
    with sqlite(tmp_path) if request.param == "sqlite" else farm_in_schema(tmp_path, server_url()) as made:
        yield made


def test_a_worker_imports_nothing_after_its_fork(farm: Farm) -> None:
    before = [farm.jobs.enqueue(kind, {}, max_attempts=1) for kind in ("noop", "fail", "doomed", "busy")]
    last = farm.jobs.enqueue("imported", {}, priority=1)
    farm.supervise(workers=1, app="modules_application:jobs")
    farm.ended(*before, last)

    assert [job.status for job in before] == ["done", "dead", "dead", "done"]
    assert last.value == []
