"""ctx.transaction() in a farm: what was committed stays, however the process ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.backends import Backend
from tests.support.farm import Farm, eventually

pytestmark = pytest.mark.processes


@pytest.fixture
def farm(tmp_path: Path, backend: Backend) -> Iterator[Farm]:
    farm = Farm(tmp_path, backend.url)
    farm.jobs.storage.schema.create()
    yield farm
    farm.close()


@pytest.fixture
def table(farm: Farm, backend: Backend) -> Any:
    """The application's own table."""
    connection = backend.connection()
    connection.execute("CREATE TABLE IF NOT EXISTS written (n integer)")
    connection.execute("DELETE FROM written")
    yield connection
    farm.close()
    connection.execute("DROP TABLE written")


@pytest.mark.parametrize("how", ["killed", "told to stop"])
def test_a_job_that_was_committed_is_done_though_its_worker_does_not_come_back(
    farm: Farm, table: Any, tmp_path: Path, how: str
) -> None:
    job = farm.jobs.enqueue("commit_and_wait", {"path": str(tmp_path / "never")})
    supervised = farm.supervise("--grace", "0.1", workers=1)
    worker = supervised.worker_of(job)
    eventually(lambda: job.refresh().status == "done")

    if how == "killed":
        os.kill(worker.pid, signal.SIGKILL)
        eventually(lambda: worker.pid not in {w.pid for w in supervised.workers()})
        after = farm.jobs.enqueue("noop")
        farm.ended(after)
    else:
        supervised.process.send_signal(signal.SIGTERM)
        supervised.process.wait(30)

    assert (job.refresh().status, job.attempts, job.error_history, job.value) == ("done", 1, (), "committed")
    assert len(table.execute("SELECT n FROM written").fetchall()) == 1
