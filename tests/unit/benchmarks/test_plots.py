"""Every plot that there are figures for is drawn, and drawn the same again."""

from __future__ import annotations

import pytest

from tests.unit.benchmarks.made_up import POSTGRES, SQLITE, figure, result

pytest.importorskip("matplotlib")

from benchmarks.report import plots


def figures():
    return [
        figure(f"drain/2/{SQLITE}", 33_000), figure("drain/2/huey", 300), figure("drain/8/pebble", 20_000),
        figure(f"enqueue/one/{SQLITE}", 4_000), figure(f"pickup/p50/{POSTGRES}", 2.0, unit="ms"),
        figure("efficiency/20/huey", 0.9, unit="ratio"), figure(f"crowded/{SQLITE}/finished", 0.8, unit="ratio"),
        figure(f"growth/{SQLITE}/1000", 9_000), figure(f"growth/{SQLITE}/1000000", 30_000),
    ]  # fmt: skip


def test_every_plot_is_written_as_png_and_svg(tmp_path):
    drawn = plots.draw(result(figures()), tmp_path)
    names = ["crowded", "drain", "efficiency", "enqueue", "growth", "pickup"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{n}.{k}" for n in names for k in ("png", "svg"))
    assert sorted(drawn.values()) == [tmp_path / f"{name}.svg" for name in names]
    assert all(path.stat().st_size > 1000 for path in tmp_path.iterdir())


def test_the_same_figures_give_the_same_files(tmp_path):
    for name in ("once", "twice"):
        (tmp_path / name).mkdir()
        plots.draw(result(figures()), tmp_path / name)
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "twice" / path.name).read_bytes()


def test_what_was_not_measured_is_not_drawn(tmp_path):
    drawn = plots.draw(result([figure("drain/2/huey", 300)]), tmp_path)
    assert list(drawn) == ["Drain of no-op jobs"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drain.png", "drain.svg"]
