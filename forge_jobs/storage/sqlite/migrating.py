"""Numbered migrations: which are pending, and applying them in one transaction."""

from __future__ import annotations

from pathlib import Path

import apsw

from forge_jobs.errors import DatabaseUnusable, SchemaMismatch
from forge_jobs.storage.sql import migrations

APPLICATION_ID = 0x464A4F42
"""Marks the file as ours ("FJOB"); stored in the database's header."""

Migration = tuple[int, str, str]


def pending(connection: apsw.Connection, path: Path) -> list[Migration]:
    """Return the migrations to apply; raise where the file is not ours or is newer than this program."""
    # Another process may be creating the database just now. Its tables and its mark appear together, so whoever sees
    # the tables first, and looks for the mark after that, never takes it for another program's.
    filled = bool(connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall())
    ours = connection.pragma("application_id") == APPLICATION_ID
    version = schema_version(connection)
    known = migrations("sqlite")
    newest = known[-1][0]
    if filled and not ours:
        raise DatabaseUnusable(f"{path} is a SQLite database of another program: name another file")
    if version > newest:
        raise SchemaMismatch(
            f"database {path} has schema version {version}, made by a newer forge-jobs; "
            f"this program knows versions up to {newest}: upgrade it"
        )
    return [m for m in known if m[0] > version]


def schema_version(connection: apsw.Connection) -> int:
    """Return the number of the newest migration that was applied."""
    return int(connection.pragma("user_version"))


def migrate(connection: apsw.Connection, path: Path) -> list[str]:
    """Apply what is pending, all or nothing; the caller holds the turnstile. Returns the names applied."""
    connection.pragma("journal_mode", "WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        todo = pending(connection, path)
        for version, _name, text in todo:
            connection.execute(text)
            connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return [name for _version, name, _text in todo]
