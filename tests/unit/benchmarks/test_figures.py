"""Percentiles, turns and medians."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, in_turn, percentile, store
from benchmarks.report.compare import load
from tests.unit.benchmarks.made_up import figure


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([3.0, 1.0, 2.0], 50, 2.0), (range(100), 99, 99), (range(100), 0, 0), ([7.0], 50, 7.0), ([1.0, 2.0], 100, 2.0)],
)
def test_a_percentile_is_one_of_the_values(values, percent, expected):
    assert percentile(values, percent) == expected


def test_contestants_take_turns_in_alternating_order_after_one_try_for_nothing():
    ran = []

    def contestant(name):
        def run():
            ran.append(name)
            return len(ran)

        return run

    found = in_turn(2, {"a": contestant("a"), "b": contestant("b")})
    assert ran == ["a", "b", "a", "b", "b", "a"]
    assert found == {"a": [3, 6], "b": [4, 5]}


def test_a_ratio_is_the_median_of_the_rounds_own():
    mine = Figure(group="", name="", unit="s", rounds=[2.0, 30.0, 8.0], against=[1.0, 10.0, 2.0])
    assert mine.ratio == 3.0


def test_there_is_no_ratio_to_nothing():
    assert figure("a", 1.0).ratio is None
    assert Figure(group="", name="", unit="s", rounds=[2.0], against=[0.0]).ratio is None


def test_what_is_stored_is_read_again(tmp_path):
    figures = [figure("drain/2/huey", 3.0, 1.0, 2.0)]
    store(tmp_path / "run.json", figures, {"cpus": 2})
    run = load(tmp_path / "run.json")
    assert [(f.key, f.median, list(f.rounds)) for f in run.figures] == [("drain/2/huey", 2.0, [3.0, 1.0, 2.0])]
    assert run.machine == {"cpus": 2}
