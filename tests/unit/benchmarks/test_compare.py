"""What is worse than in a saved run, and what noise explains."""

from __future__ import annotations

import pytest

from benchmarks.report.compare import Unreadable, compare, load, told
from tests.unit.benchmarks.made_up import figure


@pytest.mark.parametrize(
    ("unit", "saved", "now"),
    [
        ("jobs/s", [100, 105, 110], [80, 70, 75]),
        ("ratio", [1.0, 0.9], [0.5, 0.6]),
        ("ms", [2.0, 2.1], [3.0, 3.1]),
        ("s", [0.1, 0.12], [0.3, 0.2]),
        ("MB", [4.0], [6.0]),
        ("%", [0.1, 0.2], [0.5, 0.4]),
        ("per s", [5, 5], [9, 9]),
        ("per job", [1.0, 1.1], [2.0, 2.1]),
    ],
)
def test_a_clear_loss_is_worse_and_its_reverse_is_better(unit, saved, now):
    old, new = figure("a", *saved, unit=unit), figure("a", *now, unit=unit)
    assert compare([old], [new]).worse == [(old, new)]
    assert compare([old], [new]).better == []
    assert compare([new], [old]).better == [(new, old)]
    assert compare([new], [old]).worse == []


@pytest.mark.parametrize(
    ("saved", "now", "why"),
    [
        ([100, 101, 102], [90, 91, 92], "within the tolerance"),
        ([100, 101, 60], [70, 71, 72], "the rounds overlap"),
        ([100.0], [85.0], "exactly the tolerance"),
    ],
)
def test_noise_is_not_worse(saved, now, why):
    comparison = compare([figure("a", *saved)], [figure("a", *now)])
    assert (comparison.worse, comparison.better) == ([], []), why


def test_figures_of_one_run_only_are_named_and_are_no_loss():
    comparison = compare([figure("old", 1.0)], [figure("new", 1.0)])
    assert told(comparison) == ["only in this run: new", "only in the saved run: old"]
    assert comparison.worse == []


def test_figures_without_a_key_or_without_rounds_are_left_out():
    comparison = compare([figure("", 1.0), figure("a", 1.0)], [figure("", 9.0), figure("a")])
    assert told(comparison) == ["only in the saved run: a"]


@pytest.mark.parametrize(("before", "after"), [("ms", "s"), ("bananas", "bananas")])
def test_another_unit_or_an_unknown_one_is_said_not_judged(before, after):
    comparison = compare([figure("a", 1.0, unit=before)], [figure("a", 9.0, unit=after)])
    assert comparison.worse == comparison.better == []
    assert told(comparison) == ["not judged, its unit is unknown or another: a"]


def test_both_medians_are_told():
    comparison = compare([figure("drain/2/huey", 3000.0)], [figure("drain/2/huey", 1000.0)])
    assert told(comparison) == ["worse: drain/2/huey: 3,000 → 1,000 jobs/s"]


@pytest.mark.parametrize("text", [None, "no JSON", "[]", '{"figures": [{"group": 1}]}'])
def test_what_is_no_saved_run_gets_one_sentence(tmp_path, text):
    path = tmp_path / "saved.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Unreadable, match="is not a saved run"):
        load(path)
