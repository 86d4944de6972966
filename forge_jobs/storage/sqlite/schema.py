"""The Schema port: creating, upgrading, describing, emptying and removing the database."""

from __future__ import annotations

import apsw

from forge_jobs.storage.sql import migrations
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.errors import translated
from forge_jobs.storage.sqlite.lifelock import hosts_file, remove_if_nobody_lives
from forge_jobs.storage.sqlite.migrating import pending, schema_version
from forge_jobs.storage.sqlite.opening import check_file


class SqliteSchema:
    """A SQLite database migrates itself when it is opened, so most of this is opening it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self) -> bool:
        """Create the database and its schema; False when it was there."""
        return bool(self.migrate())

    def migrate(self) -> list[str]:
        """Apply what is pending; return the names applied."""
        todo = self.describe()["pending_migrations"]
        with self._database.reading():
            assert isinstance(todo, list)
            return todo

    def reset(self) -> None:
        """Remove every row in one transaction: the file stays, so a live producer's next job is in it."""
        with self._database.writing() as connection:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            for (table,) in tables:
                connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 - the name comes from the schema itself

    def drop(self) -> bool:
        """Remove the database while holding the writers' lock, so that nobody is in the middle of a write.

        The lock's own file stays: a new one would be a second line beside that of those who wait.
        """
        path = self._database.path
        if not path.exists():
            return False
        check_file(path)
        with self._database.exclusive():
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            remove_if_nobody_lives(hosts_file(path))
        return True

    def describe(self) -> dict[str, object]:
        """Return adapter, location, version and pending migrations; changes nothing, creates nothing."""
        path = self._database.path
        known = migrations("sqlite")
        there = path.exists() and path.stat().st_size > 0
        told: dict[str, object] = {
            "adapter": "sqlite",
            "location": str(path),
            "exists": there,
            "schema_version": 0,
            "newest_version": known[-1][0],
            "pending_migrations": [name for _version, name, _text in known],
            "sqlite_version": apsw.sqlite_lib_version(),
        }
        if path.exists():
            check_file(path)
        if not there:
            return told
        try:
            connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
            connection.set_busy_timeout(int(self._database.deadline * 1000))
            try:
                told["pending_migrations"] = [name for _version, name, _text in pending(connection, path)]
                told["schema_version"] = schema_version(connection)
            finally:
                connection.close()
        except apsw.Error as error:
            raise translated(error, path) from error
        return told
