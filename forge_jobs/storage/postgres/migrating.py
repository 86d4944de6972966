"""Numbered migrations: which are pending, and applying them in one transaction under a lock.

The schema's comment says which version it has, and from which version on programs can work with it: a migration whose
text begins with ``-- breaking`` shuts out the programs before it, any other leaves them at work.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from forge_jobs.errors import DatabaseBusy, DatabaseUnusable, SchemaMismatch
from forge_jobs.storage.sql import migrations, statement

Migration = tuple[int, str, str]
_LOCK = 0x464A_4F42
"""The advisory lock under which schemas are changed ("FJOB")."""

LOCK_SECONDS = 1
"""How long a migration waits for a table: everybody who wants it meanwhile waits behind the migration."""

TRIES = 10
_COMMENT = re.compile(r"forge-jobs schema (\d+), for programs from (\d+)")


class Version(NamedTuple):
    """The newest migration that was applied, and the oldest program that may work with it; 0 where there is none."""

    number: int = 0
    serves: int = 0


def version_of(connection: psycopg.Connection[Any], schema: str) -> Version:
    """Return what the schema's comment says."""
    found = connection.execute(
        "SELECT obj_description(to_regnamespace($1)::oid, 'pg_namespace')", (f'"{schema}"',)
    ).fetchall()
    told = _COMMENT.fullmatch(found[0][0] or "") if found else None
    return Version(int(told[1]), int(told[2])) if told else Version()


def pending(connection: psycopg.Connection[Any], schema: str, location: str) -> list[Migration]:
    """Return the migrations to apply; raise SchemaMismatch where the schema does not serve this program any more."""
    version, known = version_of(connection, schema), migrations("postgres")
    if version.serves > known[-1][0]:
        raise SchemaMismatch(
            f"database {location} has schema version {version.number}, made by a newer forge-jobs, for programs "
            f"from version {version.serves}; this program knows versions up to {known[-1][0]}: upgrade it"
        )
    return [m for m in known if m[0] > version.number]


def check_version(connection: psycopg.Connection[Any], schema: str, location: str) -> None:
    """Raise SchemaMismatch unless the schema is one this program works with, DatabaseUnusable for another encoding."""
    check_encoding(connection, location)
    todo = pending(connection, schema, location)
    if todo:
        there = version_of(connection, schema).number
        told = f"has schema version {there}, this program needs {todo[-1][0]}" if there else "has no forge-jobs schema"
        raise SchemaMismatch(f"database {location} {told}: run forge-jobs-db {'migrate' if there else 'create'}")


def check_encoding(connection: psycopg.Connection[Any], location: str) -> None:
    """Raise DatabaseUnusable unless the database takes every text."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnusable(f"database {location} has the encoding {encoding}: use one that has UTF8")


def check_unowned(connection: psycopg.Connection[Any], schema: str, location: str) -> None:
    """Raise DatabaseUnusable where a schema that is not ours has something in it."""
    found = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) ORDER BY 1 LIMIT 1", (f'"{schema}"',)
    ).fetchall()
    if found:
        raise DatabaseUnusable(
            f"database {location}: the schema {schema!r} has tables of another program in it ({found[0][0]}): "
            "name another schema"
        )


def migrate(connection: psycopg.Connection[Any], schema: str, location: str) -> list[str]:
    """Apply what is pending, all or nothing, one program at a time. Returns the names applied.

    A table that somebody uses is waited for a short time only, several times: never does the farm wait for long
    behind a migration that waits.
    """
    for _ in range(TRIES):
        try:
            return _try_to_migrate(connection, schema, location)
        except psycopg.errors.LockNotAvailable:
            continue
    raise DatabaseBusy(
        f"database {location}: a table could not be had for the migration, since some transaction uses it; "
        "nothing was changed: end that transaction (see pg_stat_activity) and try again"
    )


def _try_to_migrate(connection: psycopg.Connection[Any], schema: str, location: str) -> list[str]:
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute(statement("postgres", "take_time"))
        connection.execute("SELECT pg_advisory_xact_lock($1)", (_LOCK,))
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        todo = pending(connection, schema, location)
        if todo:
            name = sql.Identifier(schema)
            check_encoding(connection, location)
            if todo[0][0] == migrations("postgres")[0][0]:
                check_unowned(connection, schema, location)
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name).as_string())
            for _version, _name, text in todo:
                _execute_script(connection, text.replace("forge_jobs.", f'"{schema}".'))
            told = f"forge-jobs schema {todo[-1][0]}, for programs from {_serves(migrations('postgres'))}"
            note = sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, sql.Literal(told))
            connection.execute(note.as_string(connection))
    return [name for _version, name, _text in todo]


def _serves(known: Sequence[Migration]) -> int:
    """Return the newest version that shut out the programs before it."""
    return max((version for version, _name, text in known if text.startswith("-- breaking")), default=known[0][0])


def _execute_script(connection: psycopg.Connection[Any], text: str) -> None:
    """Execute several statements, which the simple protocol takes at once."""
    psycopg.ClientCursor(connection).execute(text)
