"""Plots of a run, as PNG and SVG. matplotlib is imported when something is drawn: nothing else needs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.report.tables import OURS, Result

_HIGHLIGHT, _OTHER, _INK, _GRID = "#d9480f", "#8fa3b5", "#212529", "#dee2e6"
_STORES = {"forge-jobs (SQLite)": "#d9480f", "forge-jobs (Postgres)": "#1864ab"}
_DECADE = 10.0
_WIDTH = 8.0


class Panel(msgspec.Struct, frozen=True):
    """Bars of one measure: a title, the axis with its unit, the values by label, and whether more is better."""

    title: str
    axis: str
    values: Mapping[str, float]
    more: bool = True


def draw(result: Result, directory: Path) -> dict[str, Path]:
    """Write every plot that there are figures for; returns the SVG files by title. Raises ImportError."""
    import matplotlib as mpl

    mpl.use("Agg")
    drawn = {}
    with mpl.rc_context(_STYLE):
        for name, (title, make) in _PLOTS.items():
            figure = make(result)
            if figure is not None:
                for kind in ("png", "svg"):
                    _save(figure, directory / f"{name}.{kind}")
                drawn[title] = directory / f"{name}.svg"
    return drawn


_STYLE: Any = {
    "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white", "text.color": _INK,
    "axes.labelcolor": _INK, "axes.edgecolor": _GRID, "xtick.color": _INK, "ytick.color": _INK, "font.size": 10,
    "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "forge-jobs",
    "figure.constrained_layout.use": True,
}  # fmt: skip
"""White whatever the page's colour is, so that dark ink can be read; the salt makes an SVG the same each time."""


def _save(figure: Any, path: Path) -> None:
    if path.suffix == ".svg":
        figure.savefig(path, metadata={"Date": None, "Creator": None})
        path.write_text(re.sub(r"[ \t]+$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE), encoding="utf-8")
    else:
        figure.savefig(path, dpi=150, metadata={"Software": None})


# -- bars ---------------------------------------------------------------------------------------------------------


def _bars(*panels: Panel) -> Any:
    """Return a figure with the panels below each other, or None if they are all empty."""
    from matplotlib.figure import Figure

    filled = [panel for panel in panels if panel.values]
    if not filled:
        return None
    rows = [len(panel.values) for panel in filled]
    figure = Figure(figsize=(_WIDTH, sum(0.32 * count + 1.1 for count in rows)))
    many = figure.subplots(len(filled), 1, squeeze=False, height_ratios=[count + 1.5 for count in rows])
    for axes, panel in zip(many[:, 0], filled, strict=True):
        _panel(axes, panel)
    return figure


def _panel(axes: Any, panel: Panel) -> None:
    best_last = sorted(panel.values.items(), key=lambda item: item[1], reverse=not panel.more)
    names, values = zip(*best_last, strict=True)
    logarithmic = min(values) > 0 and max(values) / min(values) > _DECADE
    bars = axes.barh(names, values, color=[_HIGHLIGHT if _ours(name) else _OTHER for name in names], height=0.72)
    axes.bar_label(bars, [_short(value) for value in values], padding=4, color=_INK, fontsize=9)
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(min(values) / 2, max(values) * 3)
    else:
        axes.set_xlim(0, max(*values, 0.001) * 1.15)
    better = "more is better" if panel.more else "less is better"
    axes.set_xlabel(f"{panel.axis}{', logarithmic' if logarithmic else ''} ({better})", fontsize=9)
    axes.set_title(panel.title, loc="left", fontsize=11, fontweight="bold")
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if _ours(name) else "normal")


def _ours(label: str) -> bool:
    return label.startswith(OURS)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _contestants(result: Result, path: str) -> dict[str, float]:
    """Return the medians by what the labels call the contestants: those that lose all jobs with a process say so."""
    durable = result.durable
    return {
        name if durable[name] else f"{name} (not durable)": value for name, value in result.by_contestant(path).items()
    }


def _drain(result: Result) -> Any:
    return _bars(
        *(
            Panel(f"Drain of no-op jobs, {workers} workers", "jobs/s", _contestants(result, f"drain/{workers}"))
            for workers in (2, 8)
        )
    )


def _enqueue(result: Result) -> Any:
    return _bars(
        Panel("Enqueue one by one", "jobs/s", _contestants(result, "enqueue/one")),
        Panel("Enqueue in bulk", "jobs/s", _contestants(result, "enqueue/bulk")),
    )


def _pickup(result: Result) -> Any:
    return _bars(
        *(
            Panel(
                f"From enqueue to start, {which}, at 50 jobs/s with idle workers", "ms",
                _contestants(result, f"pickup/{which}"), more=False,
            )
            for which in ("p50", "p99")
        )
    )  # fmt: skip


def _efficiency(result: Result) -> Any:
    return _bars(
        *(
            Panel(
                f"CPU-bound jobs of {length} ms, 2 workers", "share of the bare loop's speed",
                _contestants(result, f"efficiency/{length}"),
            )
            for length in (1, 20, 200)
        )
    )  # fmt: skip


def _crowded(result: Result) -> Any:
    values = {
        f"{name}, {status}": value
        for name in _STORES
        for status in ("finished", "scheduled", "pending")
        if (value := result.median(f"crowded/{name}/{status}")) is not None
    }
    return _bars(Panel("Drain with many other jobs present, by their state", "ratio to the empty table's rate", values))


# -- growth -------------------------------------------------------------------------------------------------------


def _growth(result: Result) -> Any:
    """Return the lines of the rate over the number of pending jobs, or None."""
    from matplotlib.figure import Figure

    lines = {name: points for name in _STORES if (points := _points(result, name))}
    if not lines:
        return None
    figure = Figure(figsize=(_WIDTH, 3.8))
    axes = figure.subplots()
    for name, points in lines.items():
        axes.plot(*zip(*points, strict=True), marker="o", linewidth=2, color=_STORES[name], label=name)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.1 * max(rate for points in lines.values() for _jobs, rate in points))
    axes.yaxis.set_major_formatter(lambda value, _position: f"{value:,.0f}")
    axes.set_xlabel("pending jobs, logarithmic", fontsize=9)
    axes.set_ylabel("jobs/s (more is better)", fontsize=9)
    axes.set_title("Drain rate as the backlog grows", loc="left", fontsize=11, fontweight="bold")
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    return figure


def _points(result: Result, name: str) -> list[tuple[int, float]]:
    """Return (pending jobs, jobs/s) in the order of the jobs."""
    start = f"growth/{name}/"
    found = {figure.key.removeprefix(start): figure for figure in result.figures if figure.key.startswith(start)}
    return sorted((int(rows), figure.median) for rows, figure in found.items() if rows.isdecimal() and figure.rounds)


_PLOTS: Mapping[str, tuple[str, Callable[[Result], Any]]] = {
    "drain": ("Drain of no-op jobs", _drain),
    "enqueue": ("Enqueueing", _enqueue),
    "pickup": ("Pickup", _pickup),
    "efficiency": ("Efficiency with CPU-bound jobs", _efficiency),
    "growth": ("Drain rate as the backlog grows", _growth),
    "crowded": ("Drain with many rows present", _crowded),
}
"""By the files' name: the title and what draws it."""
