"""What is made of a run's figures: comparison with a saved run, targets, the README's part."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.figures import Figure, in_turn, percentile, store
from benchmarks.report import placing
from benchmarks.report.compare import Unreadable, compare, load
from benchmarks.report.tables import Result, summary, whole
from benchmarks.suite.targets import SQLITE, Target, judge, table

MACHINE = {
    "mode": "quick", "cpus": 2, "model": "a processor", "architecture": "x", "kernel": "Linux", "python": "3",
    "sqlite": "3", "postgres": "18", "fsync_ms": 0.1,
    "contestants": [
        {"name": SQLITE, "store": "sqlite", "durable": True, "settings": "defaults", "version": "1", "missing": None},
        {"name": "huey", "store": "sqlite", "durable": True, "settings": "", "version": None, "missing": "not there"},
    ],
}  # fmt: skip


def a_figure(key: str, *rounds: float, unit: str = "jobs/s") -> Figure:
    return Figure(group="group", name=key, unit=unit, rounds=rounds, key=key)


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 6), (99, 10), (100, 10)])
def test_a_percentile_is_one_of_the_values(percent: float, value: int) -> None:
    assert percentile(range(10, 0, -1), percent) == value


def test_contestants_take_turns_after_one_round_for_nothing() -> None:
    order: list[str] = []

    found = in_turn(2, {"a": lambda: order.append("a"), "b": lambda: order.append("b")})

    assert "".join(order) == "ab" + "ab" + "ba"
    assert {name: len(rounds) for name, rounds in found.items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("unit", "before", "now", "worse"),
    [
        ("jobs/s", (100, 110, 120), (60, 70, 80), True),
        ("jobs/s", (60, 70, 80), (100, 110, 120), False),
        ("jobs/s", (100, 110, 120), (95, 100, 105), False),  # within what is tolerated
        ("jobs/s", (50, 110, 120), (60, 70, 80), False),  # within the spread of the rounds
        ("ms", (1, 2, 3), (4, 5, 6), True),
        ("ms", (4, 5, 6), (1, 2, 3), False),
        ("parsecs", (1, 2, 3), (4, 5, 6), False),
    ],
)
def test_worse_is_what_noise_does_not_explain(
    unit: str, before: tuple[float, ...], now: tuple[float, ...], worse: bool
) -> None:
    comparison = compare([a_figure("a/b", *before, unit=unit)], [a_figure("a/b", *now, unit=unit)])

    assert bool(comparison.worse) is worse


def test_figures_that_only_one_run_has_are_told(tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    store(saved, [a_figure("old", 1), a_figure("both", 1)], MACHINE)

    comparison = compare(load(saved).figures, [a_figure("new", 1), a_figure("both", 1)])

    assert [figure.key for figure in comparison.new] == ["new"]
    assert [figure.key for figure in comparison.missing] == ["old"]


def test_what_is_no_saved_run_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[]")

    with pytest.raises(Unreadable, match=r"run\.json is not a saved run"):
        load(tmp_path / "run.json")


def test_a_target_is_met_or_missed_or_not_measured() -> None:
    goals = [
        Target(what="met", key="drain/2/ours", bound=10, unit="jobs/s"),
        Target(what="missed", key="pickup/p50/ours", bound=1, unit="ms", at_most=True),
        Target(what="three times", key="drain/2/ours", bound=3, unit="×", peer="peer"),
        Target(what="no such peer", key="drain/2/ours", bound=3, unit="×", peer="other"),
    ]
    figures = [
        a_figure("drain/2/ours", 12), a_figure("drain/2/peer (batch 10)", 2), a_figure("drain/2/peer (batch 100)", 6),
        a_figure("pickup/p50/ours", 2, unit="ms"),
    ]  # fmt: skip

    verdicts = judge(figures, goals)

    assert [verdict.met for verdict in verdicts] == [True, False, False, None]
    assert "| three times | ≥ 3 × peer | 2 × | ✗ |" in table(verdicts)


def test_tables_name_every_contestant_that_was_measured() -> None:
    result = Result(figures=[a_figure(f"drain/2/{SQLITE}", 30_000)], machine=MACHINE)

    assert f"| **{SQLITE}** | **sqlite** | **30,000** |" in summary(result, {})
    assert "not there" in whole(result)


def test_text_is_put_between_markers_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("before\n<!-- here -->\n<!-- /here -->\nafter\n")

    placing.place(file, "here", "text")
    once = file.read_text()
    placing.place(file, "here", "text")

    assert file.read_text() == once == "before\n<!-- here -->\n\ntext\n\n<!-- /here -->\nafter\n"


@pytest.mark.parametrize(
    "text", ["", "<!-- here -->", "<!-- /here --><!-- here -->", "<!-- here --><!-- /here -->" * 2]
)
def test_a_file_without_its_markers_is_told_of(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)

    with pytest.raises(placing.NoMarkers, match="must have one line <!-- here -->"):
        placing.check({tmp_path / "README.md": "here"})


def test_the_readmes_have_the_markers_that_are_published_to() -> None:
    root = Path(__file__).resolve().parents[3]

    placing.check({root / "README.md": "benchmarks", root / "benchmarks" / "README.md": "results"})
