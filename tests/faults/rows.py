"""All rows of a database, whichever kind it is, in a form in which two runs of the same thing are alike.

What is drawn (the ids of jobs and of processes) and what the database counts by itself is told by its order, and
what does not go by the clock of the test is told by whether it is there.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import msgspec

from forge_jobs.model.checks import Level
from forge_jobs.storage import Storage
from forge_jobs.storage.postgres.schema import TABLES
from forge_jobs.storage.postgres.storage import PostgresStorage
from forge_jobs.verifying import verify

Digest = list[str]

OWN = "bought"
"""A table beside ours, that of a program that writes in our transactions."""

COUNTED = ("no",)
"""What the database counts: after a fault a number may be left out. ``job_error`` has numbers of its own."""

BY_OTHER_CLOCKS = (("leader", "until"), ("leader", "boot_id"))
"""Of the machine's time since its start: the lease goes by nothing that can be set."""

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")

_COLUMNS = """SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
    WHERE m.type = 'table' AND m.name <> 'sqlite_sequence' ORDER BY m.name, c.cid"""

_Row = tuple[str, dict[str, Any]]


def table(storage: Storage, name: str) -> str:
    """Return the name under which a table is reached."""
    return f"{storage.upkeep._database.schema}.{name}" if isinstance(storage, PostgresStorage) else name


def execute(storage: Storage, text: str) -> None:
    """Do something in the database's own words, at once."""
    database: Any = storage.upkeep._database  # type: ignore[attr-defined]  # what no port offers
    with database.writing() as connection:
        connection.execute(text)


def digest(storage: Storage) -> Digest:
    """Return every row of every table."""
    found = _of_postgres(storage) if isinstance(storage, PostgresStorage) else _of_sqlite(storage)
    order = {seq: f"job {number}" for number, seq in enumerate(sorted(r["seq"] for t, r in found if t == "job"))}
    for table, row in found:
        for name in COUNTED if table != "job_error" else ():
            row.pop(name, None)
        if "seq" in row:
            row["seq"] = order.get(row["seq"], "of no job")
        for name in (column for other, column in BY_OTHER_CLOCKS if other == table and column in row):
            row[name] = row[name] is not None
    return sorted(_with_names_for_what_is_drawn(found))


def _of_sqlite(storage: Storage) -> list[_Row]:
    database: Any = storage.upkeep._database  # type: ignore[attr-defined]
    found: list[_Row] = []
    with database.snapshot() as connection:
        columns: dict[str, list[str]] = {}
        for name, column in connection.execute(_COLUMNS):
            columns.setdefault(name, []).append(column)
        for name, named in columns.items():
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                found.append((name, {n: _told(v) for n, v in zip(named, row, strict=True)}))
    return found


def _told(value: object) -> object:
    return str(uuid.UUID(bytes=value)) if isinstance(value, bytes) and len(value) == 16 else value


def _of_postgres(storage: PostgresStorage) -> list[_Row]:
    database = storage.upkeep._database
    parts = [f"SELECT '{table}', row_to_json(t)::text FROM {database.schema}.{table} AS t" for table in (*TABLES, OWN)]
    with database.single() as connection:
        rows = connection.execute(" UNION ALL ".join(parts)).fetchall()
    return [(table, json.loads(row)) for table, row in rows]


def _with_names_for_what_is_drawn(rows: list[_Row]) -> Digest:
    """Call ids by the order in which they come; jobs come in the order of their arrival, all else as it reads."""
    names: dict[object, str] = {}

    def named(drawn: object) -> str:
        return names.setdefault(drawn, f"drawn {len(names)}")

    plain = []
    for table, row in rows:
        process = row.pop("process_id", None)
        order = int(row["seq"].split()[1]) if table == "job" else 0
        text = f"{table} {msgspec.json.encode(row).decode()}"
        plain.append((table != "job", order, _UUID.sub("", text), text, process))
    told = []
    for *_order, text, process in sorted(plain, key=lambda row: row[:3]):
        told.append(_UUID.sub(lambda found: named(found[0]), text) + ("" if process is None else f" {named(process)}"))
    return told


def rules_hold(storage: Storage) -> None:
    """Fail where rows do not fit together."""
    assert [c for c in verify(storage.checkup) if c.level is Level.PROBLEM] == []
