"""Numbered migrations: which are pending, and applying them in one transaction under a lock."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from forge_jobs.errors import SchemaMismatch
from forge_jobs.storage.sql import migrations

Migration = tuple[int, str, str]
_LOCK = 0x464A_4F42
"""The advisory lock under which schemas are changed ("FJOB")."""


def version_of(connection: psycopg.Connection[Any], schema: str) -> int:
    """Return the number of the newest migration that was applied, 0 where there is no schema."""
    found = connection.execute(
        "SELECT obj_description(to_regnamespace($1)::oid, 'pg_namespace')", (f'"{schema}"',)
    ).fetchall()
    comment = found[0][0] if found else None
    return int(comment.rpartition(" ")[2]) if comment and comment.startswith("forge-jobs schema ") else 0


def pending(connection: psycopg.Connection[Any], schema: str, location: str) -> list[Migration]:
    """Return the migrations to apply; raise SchemaMismatch where the schema is newer than this program."""
    version, known = version_of(connection, schema), migrations("postgres")
    if version > known[-1][0]:
        raise SchemaMismatch(
            f"database {location} has schema version {version}, made by a newer forge-jobs; "
            f"this program knows versions up to {known[-1][0]}: upgrade it"
        )
    return [m for m in known if m[0] > version]


def check_version(connection: psycopg.Connection[Any], schema: str, location: str) -> None:
    """Raise SchemaMismatch unless the schema is the one this program works with."""
    todo = pending(connection, schema, location)
    if todo:
        there = version_of(connection, schema)
        told = f"has schema version {there}, this program needs {todo[-1][0]}" if there else "has no forge-jobs schema"
        raise SchemaMismatch(f"database {location} {told}: run forge-jobs-db {'migrate' if there else 'create'}")


def migrate(connection: psycopg.Connection[Any], schema: str, location: str) -> list[str]:
    """Apply what is pending, all or nothing, one program at a time. Returns the names applied."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock($1)", (_LOCK,))
        todo = pending(connection, schema, location)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)).as_string())
        for version, _name, text in todo:
            _execute_script(connection, text.replace("forge_jobs.", f'"{schema}".'))
            note = sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
                sql.Identifier(schema), sql.Literal(f"forge-jobs schema {version}")
            )
            connection.execute(note.as_string(connection))
    return [name for _version, name, _text in todo]


def _execute_script(connection: psycopg.Connection[Any], text: str) -> None:
    """Execute several statements, which the simple protocol takes at once."""
    psycopg.ClientCursor(connection).execute(text)
