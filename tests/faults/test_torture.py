"""A short torture on each backend: whoever is killed, nothing is lost, nothing is recorded twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.torture import Plan, Torture
from tests.support.farm import Farm, farm_in_schema, farms
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes

PLAN = Plan(jobs=1500, kills=25, seed="short", freezes=True)


def tortured(farm: Farm, plan: Plan) -> None:
    report = Torture(farm, plan).run()
    print(report.told())
    assert report.wrong == []
    assert report.verdict.cut_short > 0
    assert report.verdict.done > plan.jobs / 2


POINTS = Plan(jobs=0, kills=0, seed="points", points=True)


def test_killing_at_every_named_point_loses_nothing_on_sqlite(tmp_path: Path) -> None:
    for farm in farms(tmp_path):
        tortured(farm, POINTS)


def test_killing_at_every_named_point_loses_nothing_on_postgres(tmp_path: Path) -> None:
    with farm_in_schema(tmp_path, server_url()) as farm:
        tortured(farm, POINTS)


def test_killing_at_random_loses_nothing_on_sqlite(tmp_path: Path) -> None:
    for farm in farms(tmp_path):
        tortured(farm, PLAN)


def test_killing_at_random_loses_nothing_on_postgres(tmp_path: Path) -> None:
    with farm_in_schema(tmp_path, server_url()) as farm:
        tortured(farm, PLAN)
