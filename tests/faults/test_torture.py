"""A short torture on each backend: whoever is killed, nothing is lost, nothing is recorded twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.faults.__main__ import main
from tests.faults.points import kind_of, points
from tests.faults.torture import Plan, torture_on
from tests.support.backends import BACKENDS

pytestmark = pytest.mark.processes

PLANS = {
    "at every named point": Plan(jobs=0, kills=5, seed="points", points=True),
    "at random": Plan(jobs=600, kills=15, seed="short", freezes=True),
    "while clocks are set": Plan(jobs=300, kills=12, seed="clocks", pause=(0.2, 0.6), clocks=True),
}
NETWORK = Plan(jobs=600, kills=8, seed="network", network=True)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_killing_loses_nothing(backend: str, tmp_path: Path, plan: Plan) -> None:
    with torture_on(backend, tmp_path, plan) as torture:
        report = torture.run()
    print(report.told())
    assert report.wrong == []
    assert report.verdict.cut_short > 0
    assert report.verdict.done > plan.jobs / 2
    assert bool(report.clocks_set) == plan.clocks
    assert sum(report.kills.values()) == plan.kills
    assert report.points == (Counter(map(kind_of, points(backend))) if plan.points else {})


def test_a_network_that_lies_loses_nothing(tmp_path: Path) -> None:
    with torture_on("postgres", tmp_path, NETWORK) as torture:
        report = torture.run()
    print(report.told())
    assert report.wrong == []
    assert report.lies
    assert report.verdict.done > NETWORK.jobs / 2


def test_sqlite_has_no_network_to_lie(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["--network"])
    assert told.exit_code == 2
    assert "say --backend postgres" in told.output
