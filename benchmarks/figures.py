"""What every benchmark speaks in: figures of several rounds, taken in turn, and the one table they are shown in."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from rich.console import Console
from rich.table import Table

T = TypeVar("T")
MUCH = 1.5
"""From this ratio on a matrix shows it."""

WIDTH = 140
"""Columns of the table where there is no terminal to say."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured thing. ``against`` are the same rounds of what it is compared with, named ``than``.

    ``key`` is the path by which a table, a plot, a target or another run looks it up; its parts are parted by slashes.
    """

    group: str
    name: str
    unit: str
    rounds: Sequence[float]
    against: Sequence[float] | None = None
    than: str = ""
    key: str = ""

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.rounds)

    @property
    def ratio(self) -> float | None:
        """How many times as large this is as what it is compared with: the median over the rounds."""
        if self.against is None or 0 in self.against:
            return None
        return statistics.median(mine / other for mine, other in zip(self.rounds, self.against, strict=True))


def in_turn(rounds: int, contestants: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Run every contestant once a round, each round in the opposite order, so that a slow minute hits all alike.

    Before that each runs once for nothing: what is cold then is warm.
    """
    for contestant in contestants.values():
        contestant()
    found: dict[str, list[T]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in list(contestants) if number % 2 == 0 else reversed(list(contestants)):
            found[name].append(contestants[name]())
    return found


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the smallest value that ``percent`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


def say(doing: str) -> None:
    """Tell a waiting person what is measured now."""
    print(f"… {doing}", file=sys.stderr)


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print the figures."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in ("median", "lowest", "highest", "unit", "times", "as"):
        table.add_column(name, justify="left" if name in ("unit", "as") else "right")
    group = None
    for figure in figures:
        if figure.group != group:
            group = figure.group
            table.add_section()
            table.add_row(f"[bold]{group}")
        numbers = (figure.median, min(figure.rounds), max(figure.rounds))
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(f"  {figure.name}", *map(number, numbers), figure.unit, ratio, figure.than)
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH).print(table)


def matrix(title: str, figures: Sequence[Figure], columns: Sequence[str]) -> None:
    """Print medians, one row a group and one column a name, and how many times as large each is, if that is much."""
    table = Table(title=f"\n{title}", title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for group in dict.fromkeys(figure.group for figure in figures):
        row = {figure.name: figure for figure in figures if figure.group == group}
        table.add_row(group, *(_cell(row[column]) for column in columns))
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH).print(table)


def _cell(figure: Figure) -> str:
    much = figure.ratio is not None and figure.ratio >= MUCH
    return f"{number(figure.median)} [bold](×{figure.ratio:.0f})" if much else number(figure.median)


def store(path: Path, figures: Sequence[Figure], machine: Mapping[str, Any]) -> None:
    """Write the figures, and what they were measured on, as JSON."""
    told = [
        {**msgspec.to_builtins(figure), "median": figure.median, "ratio": figure.ratio}
        for figure in figures
    ]  # fmt: skip
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": machine, "figures": told})) + b"\n")


def number(value: float) -> str:
    """Return a value in three digits, or whole and with commas from a thousand on."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}"
