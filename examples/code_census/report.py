"""From the census of each file to one report, and the report on a terminal."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

from rich.console import Console
from rich.table import Table

from examples.code_census.census import TOP, FileCensus

_DIRECTORIES_SHOWN = 15
_PROBLEMS_SHOWN = 5


class Totals(TypedDict):
    """The sums over some files; whole numbers only, so that two reports are equal or not."""

    files: int
    bytes: int
    lines: int
    functions: int
    complexity: int
    compressed: int
    problems: int


class Report(TypedDict):
    """Everything that is worth knowing. ``sha256`` is the hash over the hashes of all files, in order of name."""

    totals: Totals
    sha256: str
    directories: dict[str, Totals]
    most_complex: list[dict[str, Any]]
    largest: list[dict[str, Any]]
    problems: dict[str, str]


def gather(files: Iterable[FileCensus], roots: Sequence[Path]) -> Report:
    """Return the report of some files below ``roots``."""
    ordered = sorted(files, key=lambda one: one["file"])
    places = {one["file"]: place_of(Path(one["file"]), roots) for one in ordered}
    groups: dict[str, list[FileCensus]] = defaultdict(list)
    for one in ordered:
        groups["/".join(places[one["file"]].parts[:-1][:2])].append(one)
    functions: list[dict[str, Any]] = [
        {"file": str(places[one["file"]]), **function} for one in ordered for function in one["most_complex"]
    ]
    return {
        "totals": _totals(ordered),
        "sha256": hashlib.sha256("".join(one["sha256"] for one in ordered).encode()).hexdigest(),
        "directories": {name: _totals(group) for name, group in sorted(groups.items())},
        "most_complex": sorted(functions, key=lambda one: -one["complexity"])[:TOP],
        "largest": [
            {"file": str(places[one["file"]]), "bytes": one["bytes"], "lines": one["lines"]}
            for one in sorted(ordered, key=lambda one: -one["bytes"])[:TOP]
        ],
        "problems": {str(places[one["file"]]): one["problem"] for one in ordered if one["problem"]},
    }


def place_of(file: Path, roots: Sequence[Path]) -> Path:
    """Return a file's name as it is shown: from the nearest root on, which is named too."""
    root = max((root for root in roots if file.is_relative_to(root)), key=lambda root: len(root.parts))
    return file.relative_to(root.parent)


def _totals(files: Sequence[FileCensus]) -> Totals:
    return {
        "files": len(files),
        "bytes": sum(one["bytes"] for one in files),
        "lines": sum(one["lines"] for one in files),
        "functions": sum(one["functions"] for one in files),
        "complexity": sum(one["complexity"] for one in files),
        "compressed": sum(one["compressed"] for one in files),
        "problems": sum(one["problem"] is not None for one in files),
    }


def show(report: Report, console: Console) -> None:
    """Print a report."""
    console.print(_directories(report))
    console.print(_most_complex(report))
    console.print(_largest(report))
    problems = list(report["problems"].items())
    if problems:
        console.print(f"\n{len(problems):,} of {report['totals']['files']:,} files cannot be read or parsed:")
    for file, problem in problems[:_PROBLEMS_SHOWN]:
        console.print(f"  {file}: {problem}")
    if len(problems) > _PROBLEMS_SHOWN:
        console.print(f"  … and {len(problems) - _PROBLEMS_SHOWN:,} more")


def _directories(report: Report) -> Table:
    table = _table("Directories, the largest first", "directory", numbers=list(_columns(report["totals"])))
    directories = sorted(report["directories"].items(), key=lambda item: -item[1]["bytes"])
    for name, totals in directories[:_DIRECTORIES_SHOWN]:
        table.add_row(name, *_columns(totals).values())
    if len(directories) > _DIRECTORIES_SHOWN:
        table.add_row(f"… and {len(directories) - _DIRECTORIES_SHOWN:,} more")
    table.add_section()
    table.add_row("all", *_columns(report["totals"]).values(), style="bold")
    return table


def _columns(totals: Totals) -> dict[str, str]:
    """Return the columns of the table of directories."""
    mean = totals["complexity"] / totals["functions"] if totals["functions"] else 0.0
    ratio = totals["compressed"] / totals["bytes"] if totals["bytes"] else 1.0
    return {
        "files": f"{totals['files']:,}",
        "functions": f"{totals['functions']:,}",
        "complexity": f"{mean:.2f}",
        "kB": f"{totals['bytes'] / 1000:,.0f}",
        "packed": f"{ratio:.1%}",
    }


def _most_complex(report: Report) -> Table:
    table = _table("The most complex functions", "function", "where", numbers=["complexity"])
    for one in report["most_complex"]:
        table.add_row(one["name"], f"{one['file']}:{one['line']}", f"{one['complexity']:,}")
    return table


def _largest(report: Report) -> Table:
    table = _table("The largest files", "file", numbers=["bytes", "lines"])
    for one in report["largest"]:
        table.add_row(one["file"], f"{one['bytes']:,}", f"{one['lines']:,}")
    return table


def _table(title: str, *names: str, numbers: list[str]) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=True, justify="left")
    for name in numbers:
        table.add_column(name, no_wrap=True, justify="right", min_width=max(len(name), 7))
    return table
