"""Rows that a hand has changed: the others' jobs are done, the house is kept, and every command answers in sentences.

Every column of every table, as the database itself tells of them, gets values that no program would write, in turn.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import cycle, islice
from pathlib import Path

import pytest
from click.testing import CliRunner

from forge_jobs.errors import DatabaseError
from forge_jobs.model.states import Status
from forge_jobs.storage import open_storage
from forge_jobs_supervisor.cli.main import main
from tests.support.backends import BACKENDS
from tests.support.poison import GOOD, Column, Crew, Place, ids_of

GUARDED = (DatabaseError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, struct.error)
"""What a coordinator survives when a duty raises it; then it looks for damaged rows."""

CLOSED = ("queue.paused", "queue.max_workers", "queue.throttled_until", "queue.name")
"""What may say that nothing of the queue is to be run."""

COMMAND_TO_TERMINAL = re.compile(r"\x1b(?!\[[\d;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e]")
"""Other than a colour of our own."""

LOOKS = [
    *(["status"], ["stats"], ["jobs"], ["queues"], ["workers"], ["top", "--once"], ["limits", "list"], ["doctor"]),
    *(["verify"], ["cron", "list"], ["cron", "show", "report"], ["cron", "next", "report"], ["cleanup"]),
    *(["jobs", "--json"], ["jobs", "--error", "o"], ["status", "--json"], ["cron", "list", "--json"]),
]
FEW = 1
AT_ONCE = 2
"""Commands that are tried on one case; all of them in turn."""


@pytest.fixture(params=sorted(BACKENDS))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A database with rows in every table, on each kind of database."""
    backend = BACKENDS[request.param](tmp_path)
    yield Place(backend, tmp_path)
    backend.close()


def cases(place: Place, few: int) -> Iterator[tuple[Column, object]]:
    """Give each column and a value that it has taken, one after the other, on the database as it was."""
    for number, column in enumerate(place.hand.columns()):
        for value in _some(column.poisons, number, few if column.table == "job" else 1):
            place.restore()
            if place.hand.write(column, value):
                yield column, value


def _some(values: Sequence[object], first: int, number: int) -> list[object]:
    return list(islice(cycle(values), first % len(values), first % len(values) + number))


def keep_house(crew: Crew) -> None:
    """Do all duties as a coordinator does: when one fails, damaged rows are looked for, and then none does."""
    for after_a_failure in (False, True):
        failed = False
        for _name, duty in crew.duties():
            try:
                duty()
            except GUARDED:
                if after_a_failure:
                    raise
                failed = True
        if not failed:
            return
        crew.storage.upkeep.quarantine()


def test_a_damaged_row_holds_up_no_other(place: Place) -> None:
    for column, value in cases(place, FEW):
        with ExitStack() as opened:
            crew = place.crew(opened)
            good = crew.enqueue_good()
            keep_house(crew)
            crew.drain()
            if f"{column.table}.{column.name}" not in CLOSED:
                assert len(crew.ran) == GOOD, f"{column.table}.{column.name} = {value!r:.60}"
                statuses = crew.storage.operator.statuses(good)
                assert set(statuses.values()) == {Status.DONE}


def test_verify_tells_of_settings_that_nobody_could_have_made(place: Place) -> None:
    for column in place.hand.columns():
        if f"{column.table}.{column.name}" in ("queue.backoff_base", "kind.rate_cost", "schedule.jitter"):
            place.restore()
            with closing(open_storage(place.backend.url)) as storage:
                assert storage.checkup.broken("values", 10) == []
                assert place.hand.write(column, -1.0)
                assert storage.checkup.broken("values", 10)


def test_every_command_answers_in_sentences(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forge_jobs_supervisor.cli.watching.FRESH_WITHIN", 0.0)
    monkeypatch.setattr("forge_jobs.storage.postgres.database._databases", set())  # kept, to be closed between cases
    ids = ids_of(place)
    commands = cycle([*LOOKS, *(["show", job_id] for job_id in ids), *(["why", job_id] for job_id in ids)])
    for column, value in cases(place, 1):
        for command in islice(commands, AT_ONCE):
            told = CliRunner().invoke(main, [*command, "--database", place.backend.url], color=True)
            case = f"{command} with {column.table}.{column.name} = {value!r:.60}: {told.output[-300:]}"
            assert told.exception is None or isinstance(told.exception, SystemExit), f"{case} {told.exception!r}"
            assert told.exit_code in (0, 1) or (told.exit_code == 2 and "Usage:" not in told.output), case
            assert not COMMAND_TO_TERMINAL.search(told.output), case
