"""The Schema port: creating, upgrading, describing, emptying and removing the schema. The only writer of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import conninfo, sql

from forge_jobs.errors import DatabaseUnusable
from forge_jobs.storage.postgres.connecting import OurConnection, connect
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.errors import Late, again, translated
from forge_jobs.storage.postgres.migrating import migrate, pending, version_of
from forge_jobs.storage.sql import migrations

TABLES = (
    "schedule",
    "process",
    "job",
    "queue",
    "tally",
    "job_error",
    "host",
    "leader",
    "request",
    "kind",
    "admission",
    "rate_limit",
    "fire",
    "metric_entry",
    "metric",
    "gauge",
)
"""Ours, in the order in which everybody locks them."""


class PostgresSchema:
    """Works on connections of its own: the storage's refuses a schema that is not current."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self) -> bool:
        """Create the database, if it is not there, and the schema; False when both were."""
        self._create_database()
        return bool(self.migrate())

    def _create_database(self) -> None:
        url = self._database.url
        name = conninfo.conninfo_to_dict(url).get("dbname")
        try:
            connect(url, self._database.deadline, pooled=self._database.pooled).close()
        except psycopg.OperationalError as error:
            if name is None or f'database "{name}" does not exist' not in str(error):
                raise translated(error, self._database.location) from error
            with self._connected(conninfo.make_conninfo(url, dbname="postgres")) as connection:
                text = (
                    sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0")
                    .format(sql.Identifier(str(name)))
                    .as_string(connection)
                )
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(text)  # another program may have been faster

    def migrate(self) -> list[str]:
        """Apply what is pending; return the names applied."""
        with self._connected() as connection:
            connection.give_up_at = float("inf")  # a migration takes as long as it takes
            return migrate(connection, self._database.schema, self._database.location)

    def reset(self) -> None:
        """Remove every row in one transaction: live producers' next jobs are stored."""
        again(self._try_to_reset)

    def _try_to_reset(self) -> None:
        with self._database.writing() as connection:
            names = [sql.Identifier(self._database.schema, table) for table in TABLES]
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)).as_string(connection))

    def drop(self) -> bool:
        """Remove our tables and the schema; False when it was not there. What others put into it stays, and it too."""
        with self._connected() as connection:
            if not version_of(connection, self._database.schema).number:
                return False
            schema = sql.Identifier(self._database.schema)
            names = [sql.Identifier(self._database.schema, table) for table in TABLES]
            with connection.transaction():
                connection.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(names)).as_string(connection))
                connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS NULL").format(schema).as_string(connection))
            with contextlib.suppress(psycopg.errors.DependentObjectsStillExist):
                connection.execute(sql.SQL("DROP SCHEMA {} RESTRICT").format(schema).as_string(connection))
        self._database.close()
        return True

    def describe(self) -> dict[str, object]:
        """Return adapter, location, version and pending migrations; changes nothing."""
        known = migrations("postgres")
        told: dict[str, object] = {
            "adapter": "postgres",
            "location": self._database.location,
            "exists": False,
            "schema_version": 0,
            "newest_version": known[-1][0],
            "pending_migrations": [name for _version, name, _text in known],
            "server_version": "",
        }
        try:
            with self._connected() as connection:
                todo = pending(connection, self._database.schema, self._database.location)
                told["schema_version"] = version_of(connection, self._database.schema).number
                told["exists"] = bool(told["schema_version"])
                told["pending_migrations"] = [name for _version, name, _text in todo]
                told["server_version"] = connection.execute("SHOW server_version").fetchall()[0][0]
        except DatabaseUnusable as error:
            if "does not exist" not in str(error.__cause__):
                raise
        return told

    @contextlib.contextmanager
    def _connected(self, url: str | None = None) -> Iterator[OurConnection]:
        try:
            connection = connect(url or self._database.url, self._database.deadline, pooled=self._database.pooled)
            try:
                yield connection
            finally:
                connection.close()
        except (psycopg.Error, Late) as error:
            raise translated(error, self._database.location) from error
