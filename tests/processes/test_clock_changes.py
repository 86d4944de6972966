"""Clocks that are set while a farm works, and days on which they change by law."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.farm import Farm, eventually, farm_in_schema, farms
from tests.support.postgres import Server
from tests.support.wall_clock import WallClock

pytestmark = pytest.mark.processes

APPLICATION = """
from forge_jobs import ForgeJobs

jobs = ForgeJobs()


@jobs.handler
def work() -> None:
    pass


@jobs.cron("*/2 * * * * *", overlap="allow", misfire="all", timezone="Europe/Berlin")
def tick() -> None:
    pass
"""

SPRING, AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
REPEATED = 3600
"""Seconds of the hour that comes twice in autumn; a local time fires at its first occurrence only."""

BEFORE, AFTER = 5, 4
"""Seconds for which a farm runs before a change and after it, at least."""


@pytest.fixture
def clock() -> Iterator[WallClock]:
    with contextlib.closing(WallClock()) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
def farm(request: pytest.FixtureRequest, tmp_path: Path, clock: WallClock) -> Iterator[Farm]:
    """A farm that goes by the clock, its server too; its users live in Berlin."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            made = stack.enter_context(contextlib.contextmanager(farms)(tmp_path))
        else:
            server = stack.enter_context(contextlib.closing(Server(environment=clock.environment)))
            made = stack.enter_context(farm_in_schema(tmp_path, server.url))
        made.environment |= {"TZ": "Europe/Berlin"} | clock.environment
        (tmp_path / "ticking.py").write_text(APPLICATION)
        yield made


def fired(farm: Farm) -> list[int]:
    """Return the seconds at which the schedule has fired, in order."""
    return sorted(fire.fire_at // 1_000_000 for fire in farm.jobs.storage.schedules.fires("tick", 100))


@pytest.mark.parametrize(("change", "rests"), [(SPRING, 0), (AUTUMN, REPEATED)], ids=["spring", "autumn"])
def test_a_schedule_goes_on_when_local_time_changes(
    farm: Farm, clock: WallClock, change: datetime, rests: int
) -> None:  # fmt: skip
    at = int(change.timestamp())
    ahead = at - BEFORE - time.time()
    clock.set(ahead)
    supervised = farm.supervise(app="ticking:jobs", workers=1)
    eventually(lambda: fired(farm)[-1:] >= [at - 2], told="fires before the change")
    if rests:
        supervised.signal(signal.SIGTERM)
        assert supervised.wait() == 0
        clock.set(ahead + rests)
        farm.supervise(app="ticking:jobs", workers=1)
    eventually(lambda: fired(farm)[-1:] >= [at + rests + AFTER], told="fires after the change")

    seconds = fired(farm)
    assert seconds[0] < at
    wanted = {before: 2 + rests * (before == at - 2) for before in seconds[:-1]}
    assert {before: after - before for before, after in pairwise(seconds)} == wanted


@pytest.mark.parametrize("ahead", [3600.0, -3600.0], ids=["an hour ahead", "an hour back"])
def test_work_goes_on_when_the_clock_is_set(farm: Farm, clock: WallClock, ahead: float) -> None:
    """At once for what is due, whatever the clock says, and with the same workers."""
    supervised = farm.supervise(app="ticking:jobs", workers=1)
    workers = supervised.up(1)
    eventually(lambda: fired(farm), told="a fire")
    clock.set(ahead)
    farm.ended(*[farm.jobs.enqueue("work") for _ in range(20)])

    seconds = fired(farm)
    assert all(after > before for before, after in pairwise(seconds))
    assert supervised.workers() == workers
