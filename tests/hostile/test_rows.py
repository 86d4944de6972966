"""Rows that a hand has changed: the others' jobs are done, the house is kept, and every command answers in sentences.

Every column of every table, as the database itself tells of them, may get values that no program would write. Here a
sample of them is tried, another one with another ``FORGE_TEST_SEED``; ``make hostile`` tries all, with every command.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path

import pytest

from forge_jobs.storage import open_storage
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
from tests.support.poison import Column, Place, ids_of

WORKED_ON = 25
TYPED_ON = 25
"""Cases that are tried of some hundreds of PostgreSQL and some thousands of SQLite."""

AT_ONCE = 4
"""Commands that are tried on one case; all of them in turn."""


@pytest.fixture(params=sorted(BACKENDS))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A database with rows in every table, on each kind of database."""
    backend = BACKENDS[request.param](tmp_path)
    yield Place(backend, tmp_path)
    backend.close()


def sample(place: Place, number: int) -> Iterator[Case]:
    """Give so many cases, one after the other, each done to the database as it was."""
    return islice(poisoned(place, cases(place, SEED)), number)


def test_a_damaged_row_holds_up_no_other(place: Place) -> None:
    for case in sample(place, WORKED_ON):
        check_work_goes_on(place, case)


def test_every_command_answers_in_sentences(place: Place, tmp_path: Path) -> None:
    ids = ids_of(place)
    commands = cycle([*LOOKS, *(["show", job_id] for job_id in ids), *(["why", job_id] for job_id in ids), *VERBS])
    with impatient():
        for case in sample(place, TYPED_ON):
            for command in islice(commands, AT_ONCE):
                check_answer(place, case, command)
        check_house_commands(place, case, tmp_path / "copy.sqlite")


ONCE_WRONG = {
    "job.status": ["", "odd", 3, b"\xff"],
    "job.finished_at": [None, "odd", b"\xff", 1e300],
    "job.queue": [b"\xff"],
    "queue.name": [b"\xff"],
    "tally.queue": [b"\xff"],
    "job.payload": [b"\xff"],
    "job_body.result": [b"\xff"],
}
"""What commands once answered with a traceback, on SQLite."""


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("where", ONCE_WRONG)
def test_what_was_wrong_once_is_answered_in_sentences(place: Place, where: str, tmp_path: Path) -> None:
    ids = ids_of(place)
    chosen = [Case(Column(*where.split("."), ()), value, None) for value in ONCE_WRONG[where]]
    with impatient():
        for number, case in enumerate(poisoned(place, chosen)):
            for command in (["top", "--once"], *(["why", job_id] for job_id in ids)):
                check_answer(place, case, command)
            check_house_commands(place, case, tmp_path / f"copy-{number}.sqlite")


def test_verify_tells_of_settings_that_nobody_could_have_made(place: Place) -> None:
    for column in place.hand.columns():
        if f"{column.table}.{column.name}" in ("queue.backoff_base", "kind.rate_cost", "schedule.jitter"):
            place.restore()
            with closing(open_storage(place.backend.url)) as storage:
                assert storage.checkup.broken("values", 10) == []
                assert place.hand.write(column, -1.0)
                assert storage.checkup.broken("values", 10)
