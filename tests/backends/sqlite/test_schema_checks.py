"""The schema says the same as ``model/states.py``."""

from __future__ import annotations

import itertools
import re

import apsw
import pytest

from forge_jobs.model.states import FINISHED, LIVE, WAITING, Gate, Status
from forge_jobs.storage.sql import migrations
from tests.support.clock import START


def insert(connection: apsw.Connection, status: str, gate: int | None, finished_at: int | None, key: str = "") -> None:
    connection.execute(
        "INSERT INTO job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, max_attempts,"
        " finished_at, unique_key, process_id, claim_no)"
        " VALUES (randomblob(16), 'q', 'k', ?, ?, 0, ?, ?, 5, ?, ?, 1, 1)",
        (status, gate, START, START, finished_at, key or None),
    )


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize(("gated", "finished"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_job_has_a_gate_while_it_waits_and_an_end_when_it_has_one(
    connection: apsw.Connection, status: Status, gated: bool, finished: bool
) -> None:
    allowed = gated == (status in WAITING) and finished == (status in FINISHED)
    values = (status.value, 0 if gated else None, START if finished else None)
    if allowed:
        insert(connection, *values)
    else:
        with pytest.raises(apsw.ConstraintError):
            insert(connection, *values)


@pytest.mark.parametrize("status", ["", "cancelled", "DONE", "retrying"])
def test_no_other_status_can_be_stored(connection: apsw.Connection, status: str) -> None:
    with pytest.raises(apsw.ConstraintError):
        insert(connection, status, None, None)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(Status, repeat=2)))
def test_a_key_is_held_by_one_live_job(connection: apsw.Connection, first: Status, second: Status) -> None:
    def store(status: Status) -> None:
        waits, ended = status in WAITING, status in FINISHED
        insert(connection, status.value, 0 if waits else None, START if ended else None, key="held")

    store(first)
    if first in LIVE and second in LIVE:
        with pytest.raises(apsw.ConstraintError):
            store(second)
    else:
        store(second)


def test_the_gates_are_those_of_the_comments_in_the_schema() -> None:
    text = "".join(text for _version, _name, text in migrations("sqlite"))
    (comment,) = re.findall(r"gate\s+INTEGER,\s+-- (.*)", text)

    later = re.findall(r"at gate (\d)", text)

    assert {int(number) for number in [*re.findall(r"\d", comment), *later]} == {gate.value for gate in Gate}


def test_the_statuses_in_the_schema_are_all_there_are() -> None:
    text = "".join(text for _version, _name, text in migrations("sqlite"))
    lists = [set(re.findall(r"'(\w+)'", found)) for found in re.findall(r"status IN \(([^)]*)\)", text)]
    lists += [set(re.findall(r"'(\w+)'", found)) for found in re.findall(r"(?:status = '\w+'(?: OR )?){3,}", text)]

    assert {frozenset(found) for found in lists} == {frozenset(Status), frozenset(WAITING), FINISHED, LIVE}


def test_nothing_points_into_the_job_table(connection: apsw.Connection) -> None:
    """So that it can be split by time one day."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]

    assert [t for t in tables if connection.execute(f"PRAGMA foreign_key_list('{t}')").fetchall()] == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "'text'"),
        ("id", "x'01'"),
        ("priority", "'high'"),
        ("scheduled_at", "'soon'"),
        ("enqueued_at", "1.5"),
        ("attempts", "'many'"),
        ("attempts", "9223372036854775807"),
        ("max_attempts", "'x'"),
        ("crashes", "'x'"),
    ],
)
def test_a_row_that_no_program_can_read_cannot_be_written_by_hand(
    connection: apsw.Connection, column: str, value: str
) -> None:
    insert(connection, "pending", 0, None)

    with pytest.raises(apsw.ConstraintError):
        connection.execute(f"UPDATE job SET {column} = {value}")


def test_a_claimed_job_names_its_claim(connection: apsw.Connection) -> None:
    insert(connection, "in_progress", None, None)

    for column in ("process_id", "claim_no"):
        with pytest.raises(apsw.ConstraintError):
            connection.execute(f"UPDATE job SET {column} = NULL")
