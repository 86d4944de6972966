"""A short torture on each backend: whoever is killed, nothing is lost, nothing is recorded twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.torture import Plan, torture_on

pytestmark = pytest.mark.processes

PLANS = {
    "at every named point": Plan(jobs=0, kills=0, seed="points", points=True),
    "at random": Plan(jobs=1500, kills=25, seed="short", freezes=True),
    "while clocks are set": Plan(jobs=400, kills=8, seed="clocks", clocks=True),
}


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_killing_loses_nothing(backend: str, tmp_path: Path, plan: Plan) -> None:
    with torture_on(backend, tmp_path, plan) as torture:
        report = torture.run()
    print(report.told())
    assert report.wrong == []
    assert report.verdict.cut_short > 0
    assert report.verdict.done > plan.jobs / 2
    assert bool(report.clocks_set) == plan.clocks
