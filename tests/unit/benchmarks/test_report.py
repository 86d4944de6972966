"""Tables, and text between the markers of a file."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import PLACES
from benchmarks.report import placing, tables
from tests.unit.benchmarks.made_up import POSTGRES, SQLITE, figure, result

BEFORE, AFTER = "# Title\n\nby hand\n\n<!-- results -->", "<!-- /results -->\n\nby hand too\n"


@pytest.fixture
def readme(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"{BEFORE}\nold\n{AFTER}")
    return path


def test_placing_replaces_what_is_between_the_markers_only(readme):
    placing.place(readme, "results", "new\n")
    assert readme.read_text() == f"{BEFORE}\n\nnew\n\n{AFTER}"


def test_placing_twice_changes_nothing_more(readme):
    placing.place(readme, "results", "new")
    once = readme.read_text()
    placing.place(readme, "results", "new")
    assert readme.read_text() == once


@pytest.mark.parametrize(
    "text",
    [
        "nothing", "<!-- results -->", "<!-- /results -->", "<!-- /results --><!-- results -->",
        "<!-- results --><!-- results --><!-- /results -->", "<!-- other --><!-- /other -->",
    ],
)  # fmt: skip
def test_absent_markers_are_one_clear_error_and_nothing_is_written(readme, text):
    readme.write_text(text)
    with pytest.raises(placing.NoMarkers, match="must have one line <!-- results -->") as caught:
        placing.place(readme, "results", "new")
    assert "\n" not in str(caught.value)
    assert readme.read_text() == text


def test_an_absent_file_is_one_clear_error(tmp_path):
    with pytest.raises(placing.NoMarkers, match="cannot be read"):
        placing.check({tmp_path / "none.md": "results"})


def test_the_readmes_have_their_markers():
    placing.check(PLACES)


FIGURES = [
    figure(f"drain/2/{SQLITE}", 31_000, 35_000, 33_000), figure("drain/2/huey", 3_000),
    figure("drain/2/pebble", 20_000), figure(f"pickup/p50/{POSTGRES}", 2.25, unit="ms"),
]  # fmt: skip


def test_the_table_has_who_was_measured_by_what_was_measured():
    rows = tables.between(result(FIGURES), tables.BETWEEN).splitlines()
    assert rows == [
        "|  | store | drain, 2 workers, jobs/s | pickup p50, ms |",
        "|---|---|---:|---:|",
        f"| **{SQLITE}** | **sqlite** | **33,000** | – |",
        f"| **{POSTGRES}** | **postgres** | – | **2.25** |",
        "| huey | sqlite | 3,000 | – |",
        "| pebble | memory | 20,000 | – |",
    ]


def test_the_summary_names_who_is_not_there_and_shows_the_pictures():
    text = tables.summary(result(FIGURES), {"Drains": "benchmarks/results/drain.svg"})
    assert "Not there: rq." in text
    assert "![Drains](benchmarks/results/drain.svg)" in text


def test_everything_stands_in_the_whole_report_with_its_spread():
    text = tables.whole(result([*FIGURES, figure("idle/8/x/cpu", 0.1, 0.3, 0.2, unit="%")]))
    assert "| made up: idle/8/x/cpu | 0.2 | 0.1 | 0.3 | % |" in text
    assert "*not measured: no server*" in text
    assert "fsync takes 0.11 ms" in text


def test_a_run_without_figures_is_told_too():
    assert "Nothing was measured that has peers." in tables.whole(result([]))
