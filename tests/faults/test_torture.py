"""A short torture on each backend: whoever is killed, nothing is lost, nothing is recorded twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.torture import Plan, Torture
from tests.support.farm import Farm, farm_in_schema, farms
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes

PLAN = Plan(jobs=1500, kills=25, seed="short", freezes=True)
POINTS = Plan(jobs=0, kills=0, seed="points", points=True)


@pytest.fixture(params=["sqlite", "postgres"])
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    if request.param == "sqlite":
        yield from farms(tmp_path)
    else:
        with farm_in_schema(tmp_path, server_url()) as made:
            yield made


@pytest.mark.parametrize("plan", [POINTS, PLAN], ids=["at every named point", "at random"])
def test_killing_loses_nothing(farm: Farm, plan: Plan) -> None:
    report = Torture(farm, plan).run()
    print(report.told())
    assert report.wrong == []
    assert report.verdict.cut_short > 0
    assert report.verdict.done > plan.jobs / 2
