"""Rows that a hand has changed, case by case: every command answers in sentences, the others' jobs are done.

A case is a column, a value that no program would write into it, and the row that gets it, or all rows.
"""

from __future__ import annotations

import os
import random
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click.testing import CliRunner

from forge_jobs import db_cli
from forge_jobs.errors import DatabaseError
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage, close_idle, open_storage
from forge_jobs_supervisor.cli.main import main
from tests.support.poison import GOOD, Column, Crew, Place

SEED = os.environ.get("FORGE_TEST_SEED", "0")
"""Of what the tests of this folder draw."""

GUARDED = (DatabaseError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, struct.error)
"""What a coordinator survives when a duty raises it; then it looks for damaged rows."""

CLOSED = ("queue.paused", "queue.max_workers", "queue.throttled_until", "queue.name")
"""What may say that nothing of the queue is to be run."""

COMMAND_TO_TERMINAL = re.compile(r"\x1b(?!\[[\d;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e]")
"""Other than a colour of our own."""

LOOKS = [
    *(["status"], ["stats"], ["jobs"], ["queues"], ["workers"], ["top", "--once"], ["limits", "list"], ["doctor"]),
    *(["verify"], ["cron", "list"], ["cron", "show", "report"], ["cron", "next", "report"], ["cleanup"], ["stack"]),
    *(["jobs", "--error", "o"], ["jobs", "--status", "dead"], ["retry", "--kind", "work", "--dry-run"]),
    *(["stats", "--by", "kind"], ["stats", "--by", "minute"], ["stats", "--hosts"]),
    *(["tail", "--since", "1h"], ["tail", "--since", "1h", "--json"]),
    *(
        [*name.split(), "--json"]
        for name in ("status", "stats", "jobs", "queues", "workers", "limits list", "doctor", "verify", "cron list",
                     "cron show report", "cron next report", "cleanup", "stack")
    ),
]  # fmt: skip
"""What shows, and changes nothing that is whole."""

VERBS = [
    *(["queue", "pause", "default"], ["queue", "set", "default", "--max-workers", "3"], ["queue", "resume", "default"]),
    *(["cron", "trigger", "report"], ["cron", "disable", "report"], ["cron", "enable", "report"]),
    *(["cron", "set", "report", "--priority", "3"], ["limits", "drain", "slack", "--retry-after", "1"]),
    *(["limits", "set", "slack", "--capacity", "7", "--per-second", "1"], ["enqueue", "work", "--unique-key", "k"]),
    *(["run-now", "--kind", "work", "--yes"], ["edit", "--kind", "work", "--priority", "3", "--yes"]),
    *(["move", "--kind", "tight", "--to", "default", "--yes"], ["retry", "--kind", "work", "--yes"]),
    *(["cancel", "--kind", "work", "--yes"], ["delete", "--kind", "work", "--yes"]),
    ["purge", "--status", "dead", "--yes"],
    *(["cron", "delete", "report"], ["limits", "delete", "slack"]),
]  # fmt: skip
"""What changes something, in an order in which each finds something to change."""


class Case(NamedTuple):
    """One thing that a hand does: a value in a column, of one row (by number), or of all."""

    column: Column
    value: Any
    row: int | None

    def __str__(self) -> str:
        which = "" if self.row is None else f" of row {self.row}"
        return f"{self.column.table}.{self.column.name}{which} = {self.value!r:.60}"


def cases(place: Place, seed: str) -> list[Case]:
    """Return every column with every value, in an order that the seed decides, as it decides which row gets it."""
    chance = random.Random(seed)
    found = [
        Case(column, value, chance.choice([None, chance.randrange(1000)]))
        for column in place.hand.columns()
        for value in column.poisons
    ]
    chance.shuffle(found)
    return found


def poisoned(place: Place, chosen: Sequence[Case]) -> Iterator[Case]:
    """Give the cases that the database takes, one after the other, each done to the database as it was."""
    for case in chosen:
        place.restore()
        if place.hand.write(*case):
            yield case


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


def check_work_goes_on(place: Place, case: Case) -> None:
    """Let a worker and a coordinator live with it; raise AssertionError unless the others' jobs are done."""
    with ExitStack() as opened:
        crew = place.crew(opened)
        good = crew.enqueue_good()
        keep_house(crew)
        crew.drain()
        if f"{case.column.table}.{case.column.name}" not in CLOSED:
            assert len(crew.ran) == GOOD, f"{len(crew.ran)} of {GOOD} jobs ran with {case}"
            assert set(crew.storage.operator.statuses(good).values()) == {Status.DONE}


@contextmanager
def impatient() -> Iterator[None]:
    """Let commands wait for no host, those that go on for ever stop at their first pause, and all share connections."""
    kept: dict[str, Storage] = {}

    def stop(_seconds: float) -> None:
        raise KeyboardInterrupt

    def opened(url: str) -> Storage:
        if url not in kept:
            kept[url] = open_storage(url)
        return kept[url]

    with pytest.MonkeyPatch.context() as patch:
        for module in ("forge_jobs.app", "forge_jobs.db_cli", "forge_jobs_supervisor.cli.common"):
            patch.setattr(f"{module}.open_storage", opened)
        patch.setattr("forge_jobs_supervisor.cli.watching.FRESH_WITHIN", 0.0)
        patch.setattr("forge_jobs_supervisor.cli.stack.ANSWER_WITHIN", 0.0)
        patch.setattr("forge_jobs_supervisor.cli.tail.pause", stop)
        patch.setattr("forge_jobs.storage.postgres.database._databases", set())  # kept, to be closed between cases
        yield
        close_idle()


def check_answer(place: Place, case: Case, command: Sequence[str]) -> None:
    """Type a command; raise AssertionError unless it answers in sentences."""
    _check(main, [*command, "--database", place.backend.url], case)


def check_house_commands(place: Place, case: Case, other: Path) -> None:
    """Do so with the looks of ``forge-jobs-db``, and with a copy into an ``other`` file that is not there yet."""
    url = place.backend.url
    for look in (["status"], ["status", "--json"]):
        _check(db_cli.main, ["--database", url, *look], case)
    place.backend.take_life(place.life)
    try:
        _check(db_cli.main, ["copy", "--from", url, "--to", f"sqlite:///{other}"], case)
    finally:
        place.backend.revive(place.life)


def _check(program: click.Group, typed: Sequence[str], case: Case) -> None:
    told = CliRunner().invoke(program, list(typed), color=True)
    said = f"{typed[:-2]} with {case}: {told.output[-300:]}"
    assert told.exception is None or isinstance(told.exception, SystemExit), f"{said} {told.exception!r}"
    assert told.exit_code in (0, 1) or (told.exit_code == 2 and "Usage:" not in told.output), said
    assert not COMMAND_TO_TERMINAL.search(told.output), said
