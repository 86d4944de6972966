"""The long mode: every value in every column, before every command, a worker and a coordinator."""

from __future__ import annotations

import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click

from forge_jobs.terminal import FAILURE
from tests.hostile.rows import (
    LOOKS,
    SEED,
    VERBS,
    Case,
    cases,
    check_answer,
    check_house_commands,
    check_work_goes_on,
    impatient,
    poisoned,
)
from tests.support.backends import BACKENDS
from tests.support.poison import Place, ids_of

IDS = 2
"""Jobs of which ``show`` and ``why`` are asked in one case."""

JSON = ([], ["--json"])

EVERY = 100
"""Cases after which it is told how far it is."""

Check = Callable[[], None]


@click.command()
@click.option("--cases", "number", default="all", show_default=True, help="How many pairs of a column and a value.")
@click.option("--seed", default=SEED, show_default=True, help="Of their order, and of the rows that get the values.")
@click.option("--backend", "backends", multiple=True, type=click.Choice(sorted(BACKENDS)), help="[default: all]")
@click.option("--only", type=click.Choice(["looks", "verbs", "work"]), help="Only part of what is checked.")
def main(number: str, seed: str, backends: tuple[str, ...], only: str | None) -> None:
    """Write into rows what no program would, and see whether commands answer in sentences and all others' jobs run.

    PostgreSQL is the server that FORGE_TEST_POSTGRES_URL names, or one that is started. Exit code 1 if anything is
    wrong; every line says what.
    """
    wrong = 0
    for backend in backends or sorted(BACKENDS):
        with tempfile.TemporaryDirectory(prefix="fj-hostile-") as directory, impatient():
            wrong += _tried(backend, Path(directory), number, seed, only)
    sys.exit(FAILURE if wrong else 0)


def _tried(backend: str, directory: Path, number: str, seed: str, only: str | None) -> int:
    """Try the cases on one kind of database; return how many checks failed."""
    opened = BACKENDS[backend](directory)
    try:
        place, chance = Place(opened, directory), random.Random(seed)
        ids = ids_of(place)
        chosen = cases(place, seed)[: None if number == "all" else int(number)]
        tried = checked = wrong = 0
        for case in poisoned(place, chosen):
            tried += 1
            for check in _checks(place, case, chance.sample(ids, IDS), directory / f"copy-{tried}", only):
                checked += 1
                wrong += _failed(backend, check)
            if tried % EVERY == 0:
                click.echo(f"{backend}: {tried:,} cases, {checked:,} checks, {wrong} wrong", err=True)
    finally:
        opened.close()
    click.echo(f"{backend}: {tried:,} cases of {len(chosen):,}, {checked:,} checks, {wrong} wrong")
    return wrong


def _checks(place: Place, case: Case, ids: list[str], other: Path, only: str | None) -> Iterator[Check]:
    """Give what is to be seen about a case; it is done to the database when this begins, and anew for each group."""
    if only in (None, "looks"):
        for command in [
            *LOOKS,
            *([look, *more, job_id] for job_id in ids for look in ("show", "why") for more in JSON),
        ]:
            yield partial(check_answer, place, case, command)
        yield partial(check_house_commands, place, case, other)
    if only in (None, "verbs"):
        for command in VERBS:
            yield partial(check_answer, place, case, command)
    if only is None:
        list(poisoned(place, [case]))
    if only in (None, "work"):
        yield partial(check_work_goes_on, place, case)


def _failed(backend: str, check: Check) -> bool:
    try:
        check()
    except AssertionError as error:
        click.echo(f"{backend}: {error}", err=True)
    except Exception:
        click.echo(f"{backend}: {traceback.format_exc()}", err=True)
    else:
        return False
    return True


if __name__ == "__main__":
    main(prog_name="python -m tests.hostile")
