"""The command: count files with a farm of processes, then with one, and compare every figure."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import track

from examples.code_census.census import census_of
from examples.code_census.compare import figures, first_difference
from examples.code_census.farm import FarmFailed, census_by_farm
from examples.code_census.report import gather, show
from examples.code_census.sources import installed_packages, sources, standard_library
from examples.code_census.tasks import jobs
from forge_jobs import ForgeJobsError

T = TypeVar("T")
WIDTH = 120
"""Columns of the report where there is no terminal to say."""


@click.command()
@click.argument(
    "directories",
    metavar="[DIRECTORY]...",
    nargs=-1,
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
)
@click.option("--packages", is_flag=True, help="Count the packages installed beside this Python as well.")
@click.option("--workers", type=click.IntRange(1, 1024), default=8, show_default=True)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Count the first N files only.")
@click.option("--skip-serial", is_flag=True, help="Do not check the report against a run in one process.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    metavar="PATH",
    help="Keep the database in this directory [default: a temporary one, removed at the end].",
)
def main(
    directories: tuple[Path, ...],
    packages: bool,
    workers: int,
    limit: int | None,
    skip_serial: bool,
    keep: Path | None,
) -> None:
    """Take a census of Python source files: by default of the running Python's own standard library.

    Every file is one job: it is hashed, compressed, parsed, and the complexity of its functions is counted.
    """
    # SIGTERM ends this program as Ctrl-C does, so that its farm and its temporary database go with it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    roots = [*(directories or [standard_library()]), *([installed_packages()] if packages else [])]
    files = sources(roots, limit, _complain)
    if not files:
        raise click.UsageError(f"there is no *.py file in {', '.join(map(str, roots))}")
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH)
    console.print(f"{len(files):,} files, {workers} worker processes")
    with _database(keep):
        try:
            by_farm, farm_seconds = _timed(lambda: census_by_farm(files, workers))
        except (FarmFailed, ForgeJobsError) as error:
            raise click.ClickException(str(error)) from error
    report = gather(by_farm, roots)
    show(report, console)
    console.print(f"\n{farm_seconds:7.1f} s  by the farm of {workers} workers")
    if skip_serial:
        return
    serial, serial_seconds = _timed(lambda: [census_of(file) for file in _watched(files)])
    console.print(f"{serial_seconds:7.1f} s  in one process, {serial_seconds / farm_seconds:.2f} times as long")
    _compare({"files": by_farm, "report": report}, {"files": serial, "report": gather(serial, roots)}, console)


def _complain(sentence: str) -> None:
    click.echo(sentence, err=True)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def _watched(files: Sequence[Path]) -> Iterable[Path]:
    """Show how far the serial run is, where there is a terminal to show it on."""
    return track(files, "one process", console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _compare(farm: object, serial: object, console: Console) -> None:
    difference = first_difference(farm, serial)
    if difference:
        raise click.ClickException(f"the two differ: {difference}")
    console.print(f"the farm's report equals the serial answer: {figures(serial):,} figures compared, 0 differ")


@contextlib.contextmanager
def _database(keep: Path | None) -> Iterator[None]:
    """Have this program and the farm use a database of their own, which is removed unless it is kept."""
    with contextlib.ExitStack() as stack:
        if keep is None:
            keep = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="code-census-")))
        else:
            keep.mkdir(parents=True, exist_ok=True)
        os.environ["FORGE_DATABASE_URL"] = f"sqlite:///{keep / 'queue.sqlite'}"
        stack.callback(jobs.close)
        yield


if __name__ == "__main__":
    main(prog_name="python -m examples.code_census")
