"""The suite: forge-jobs beside what a user would pick instead, in one run."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import click

from benchmarks import servers
from benchmarks.figures import Figure, say, show, store
from benchmarks.peers.base import Contestant, NotOnce
from benchmarks.peers.roster import ROSTER
from benchmarks.report import compare, placing, plots, tables
from benchmarks.report.machine import machine
from benchmarks.suite import targets

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SCENARIOS = (
    "contest", "pickup", "efficiency", "pressure", "idle", "memory", "stopping", "crowded", "held", "writes", "startup",
)  # fmt: skip
"""Modules of ``benchmarks.suite``, in the order in which they run."""

PLACES = {ROOT / "README.md": "benchmarks", ROOT / "benchmarks" / "README.md": "results"}
"""Where --publish puts the results: between the markers of this name."""


class Scenario(Protocol):
    """What a module of ``benchmarks.suite`` offers."""

    TITLE: str

    def measure(self, size: Any, contestants: Sequence[Contestant]) -> list[Figure]: ...


@click.command()
@click.option("--quick", is_flag=True, help="Less of everything, in less than two minutes; without it some fifty.")
@click.option("--only", multiple=True, type=click.Choice(SCENARIOS), metavar="NAME", help=f"Of {', '.join(SCENARIOS)}.")
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here too.")
@click.option(
    "--against", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="SAVED.json",
    help="Say what has become worse since that run; exit code 1 if anything has.",
)  # fmt: skip
@click.option(
    "--results", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Where tables and plots go.  [default: benchmarks/results, and below it quick or part for such a run]",
)  # fmt: skip
@click.option("--publish", is_flag=True, help="Put the results into README.md and benchmarks/README.md too.")
def main(
    quick: bool, only: tuple[str, ...], path: Path | None, against: Path | None, results: Path | None, publish: bool
) -> None:
    """Run the benchmarks, and write figures, tables and plots."""
    servers.leave_in_order()
    results = results or RESULTS / ("part" if only else "quick" if quick else ".")
    if path is not None and not path.parent.is_dir():
        raise click.UsageError(f"--json: there is no directory {path.parent}")
    saved = _prepared(not (only or quick), against, results, publish)
    found = machine(results, ROSTER, quick=quick)
    for contestant in found["contestants"]:
        if contestant["missing"]:
            print(f"{contestant['name']} takes no part: {contestant['missing']}", file=sys.stderr)
    figures, failed = _measured(only or SCENARIOS, quick, results, found)
    result = tables.Result(figures=figures, machine=found)
    if path is not None:
        store(path, figures, found)
    pictures = _written(result, results)
    if publish:
        _publish(result, pictures)
    click.echo("\n" + targets.table(targets.judge(figures)))
    if failed or (saved is not None and _worse(saved, figures)):
        sys.exit(1)


def _prepared(whole: bool, against: Path | None, results: Path, publish: bool) -> compare.Run | None:
    """Find out before half an hour is spent what would be in the way after it; returns the saved run."""
    try:
        if publish:
            if not whole:
                raise click.UsageError("--publish is for a whole run: leave --only and --quick out")
            if not results.resolve().is_relative_to(ROOT):
                raise click.UsageError(f"--publish needs its results under {ROOT}: README.md points to the plots")
            placing.check(PLACES)
        results.mkdir(parents=True, exist_ok=True)
        return None if against is None else compare.load(against)
    except (placing.NoMarkers, compare.Unreadable) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{results} cannot be made: {error.strerror}") from error


def _measured(
    names: Sequence[str], quick: bool, results: Path, found: dict[str, Any]
) -> tuple[list[Figure], list[str]]:
    """Run the scenarios; returns the figures, and the scenarios that failed. What was measured is stored after each."""
    from benchmarks.suite.size import Size

    size = Size(quick=quick)
    taking_part = [contestant for contestant in ROSTER if contestant.missing() is None]
    figures: list[Figure] = []
    failed = []
    for name in [scenario for scenario in SCENARIOS if scenario in names]:
        scenario: Scenario = importlib.import_module(f"benchmarks.suite.{name}")
        say(scenario.TITLE)
        begun = time.monotonic()
        try:
            measured = scenario.measure(size, taking_part)
        except NotOnce as error:
            raise click.ClickException(f"{name}: not every job was recorded exactly once: {error}") from error
        except Exception as error:  # noqa: BLE001 - the figures of the others are not to be lost
            print(f"{name} failed: {type(error).__name__}: {error}", file=sys.stderr)
            failed.append(name)
            continue
        show(f"{scenario.TITLE} ({time.monotonic() - begun:.0f} s)", measured)
        figures += measured
        store(results / "results.json", figures, found)
    return figures, failed


def _written(result: tables.Result, results: Path) -> dict[str, Path]:
    """Write the tables and the plots; returns the plots by their titles."""
    (results / "results.md").write_text(tables.whole(result), encoding="utf-8")
    try:
        return plots.draw(result, results)
    except ImportError as error:
        print(f"no plots are drawn: {error}", file=sys.stderr)
        return {}


def _publish(result: tables.Result, pictures: dict[str, Path]) -> None:
    for path, name in PLACES.items():
        beside = {title: os.path.relpath(picture.resolve(), path.parent) for title, picture in pictures.items()}
        place = tables.summary if path.parent == ROOT else tables.details
        placing.place(path, name, place(result, beside))


def _worse(saved: compare.Run, figures: Sequence[Figure]) -> bool:
    comparison = compare.compare(saved.figures, figures)
    click.echo("\n".join(["", *compare.told(comparison)]))
    return bool(comparison.worse)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
