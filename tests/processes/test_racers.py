"""Fifty processes at once: not one token too many, and no kind runs more often than it may."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_jobs.model.limits import KindRules, RateLimit
from tests.support.farm import PATIENCE, Farm, farm_in_schema, farms
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes

RACERS = 50
TOKENS = 37
PLACES = 3
PER_KEY = 1

RACER = """
import sys
from forge_jobs.ids import new_process_id
from forge_jobs.storage import open_storage
from forge_jobs.storage.claims import Want
from forge_jobs.storage.records import ProcessRecord

storage, me = open_storage(sys.argv[1]), new_process_id()
storage.registry.announce_worker(
    ProcessRecord(process_id=me, host_id="racer", queue="default", number=1, pid=1, started_at=0)
)
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
tokens = sum(storage.limits.acquire(["api"], 1).number for _ in range(3))
claims = []
for _ in range(3):
    want = Want(queue="default", kinds=["sync"], first_claim_no=len(claims) + 1, rows=4, costs={"sync": 0.0})
    claims += storage.worker_queue.exchange(me, [], want).claims
print(tokens, *(claim.limit_key for claim in claims))
"""


@pytest.fixture(params=["sqlite", "postgres"])
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    if request.param == "sqlite":
        yield from farms(tmp_path)
    else:
        with farm_in_schema(tmp_path, server_url()) as made:
            yield made


def race(farm: Farm) -> list[list[str]]:
    """Start all, let them go at once, and return what each printed."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, farm.url], env=farm.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(RACERS)
    ]  # fmt: skip
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        return [racer.communicate(timeout=PATIENCE)[0].split() for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()


def test_fifty_processes_get_no_token_and_no_place_too_many(farm: Farm) -> None:
    rules = KindRules(kind="sync", max_running=PLACES, max_running_per_key=PER_KEY, concurrency_key="tenant")
    farm.jobs.storage.limits.declare([rules], [RateLimit(scope="api", capacity=TOKENS, refill=0)])
    farm.jobs.enqueue_bulk([("sync", {"tenant": f"t{n % 20}"}) for n in range(400)])
    while farm.jobs.storage.limits.admit(100).more:
        pass

    told = race(farm)

    assert sum(int(tokens) for tokens, *_keys in told) == TOKENS
    keys = [key for _tokens, *mine in told for key in mine]
    assert len(keys) == len(set(keys)) == PLACES
