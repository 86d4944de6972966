"""Real farms over damaged rows: two hundred good jobs beside them are done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import psycopg
import pytest

from forge_jobs.storage.postgres.address import address_of
from tests.support.farm import Farm, farm_in_schema, farms
from tests.support.poison import DEEP
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes
GOOD = 200


@pytest.fixture(params=["postgres", "sqlite"])
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    """A farm on each kind of database."""
    if request.param == "sqlite":
        yield from farms(tmp_path)
        return
    with farm_in_schema(tmp_path, server_url()) as made:
        yield made


def by_hand(farm: Farm, *statements: str) -> None:
    """Change the database past every check that can be got past."""
    if farm.url.startswith("sqlite"):
        with closing(apsw.Connection(str(farm.directory / "queue.sqlite"))) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                connection.execute(statement)
        return
    address = address_of(farm.url)
    with psycopg.connect(address.url, autocommit=True, options=f"-c search_path={address.schema}") as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


SQLITE = [
    "UPDATE job SET payload = '{' WHERE unique_key = 'payload'",
    f"UPDATE job SET payload = '{DEEP}' WHERE unique_key = 'deep'",
    "UPDATE job SET time_limit = 'soon' WHERE unique_key = 'limit'",
    "UPDATE job SET id = 'none', attempts = 'many', trace = X'ff' WHERE unique_key = 'id'",
    "UPDATE job SET scheduled_at = 'never', priority = 'high' WHERE unique_key = 'time'",
    "UPDATE queue SET backoff_base = 'x', keep_done = X'00', memory_limit = 'all', throttles = 0.5",
    """INSERT INTO schedule VALUES ('bad', 'noop', '{', 'default', 'x', 'y', 'never', 'Nowhere', 'maybe', 'what', 'z',
       1, NULL, 1, NULL, NULL, 'a', 'b')""",
]
POSTGRES = [
    "UPDATE job SET payload = '[1]' WHERE unique_key = 'payload'",
    f"UPDATE job SET payload = '{DEEP[4000:6000]}' WHERE unique_key = 'deep'",
    "UPDATE job SET time_limit = 9223372036854775807 WHERE unique_key = 'limit'",
    "UPDATE job SET attempts = 2147483647, crashes = 2147483647 WHERE unique_key = 'id'",
    "UPDATE job SET enqueued_at = '-infinity', scheduled_at = '-infinity' WHERE unique_key = 'time'",
    "UPDATE queue SET backoff_base = 'NaN', keep_done = 'Infinity', memory_limit = -1, throttles = -5",
    """INSERT INTO schedule VALUES ('bad', 'noop', '1', 'default', 0, -5, 'never', 'Nowhere', 'skip', 'one', 'NaN',
       true, NULL, '1969-01-01', NULL, NULL, 'infinity', '-infinity')""",
]


def test_good_jobs_are_done_beside_damaged_ones(farm: Farm) -> None:
    farm.jobs.enqueue("noop", {})
    assert farm.supervise("--drain", "--queue", "default", workers=1).wait() == 0  # the queue has its row now
    damaged = [
        farm.jobs.enqueue("noop", {}, unique_key=key, max_attempts=1, priority=-1)
        for key in ("payload", "deep", "limit", "id", "time")
    ]
    good = farm.jobs.enqueue_bulk([("noop", {})] * GOOD)
    farm.jobs.close()
    by_hand(farm, *(SQLITE if farm.url.startswith("sqlite") else POSTGRES))

    supervised = farm.supervise("--queue", "default", workers=2)
    born = {worker.pid for worker in supervised.staffed(2)}
    farm.ended(*good)

    assert {job.refresh().status for job in good} == {"done"}
    payload = damaged[0]
    farm.ended(payload)
    assert payload.status == "dead"
    assert "does not fit" in payload.error_history[-1].message
    assert farm.run("doctor").stderr == ""
    for command in (["jobs"], ["verify"], ["cron", "list"], ["queues"], ["show", payload.id]):
        told = farm.run(*command)
        assert "Traceback" not in told.stderr, told.stderr
        assert told.returncode in (0, 1)
    assert {worker.pid for worker in supervised.workers()} == born
