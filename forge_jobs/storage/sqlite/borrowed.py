"""A connection of the caller's own: used inside the caller's transaction, left as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw

from forge_jobs.errors import InvalidValue, SchemaMismatch
from forge_jobs.storage.sqlite.migrating import pending

Ring = tuple[str, int, int | None]


class Borrowed:
    """Runs our statements on a connection whose row factories and hooks are its owner's."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def execute(self, text: str, values: Sequence[Any] = ()) -> apsw.Cursor:
        """Execute a statement."""
        return self._cursor().execute(text, values)

    def executemany(self, text: str, rows: Iterable[Sequence[Any]]) -> apsw.Cursor:
        """Execute a statement for each row of values."""
        return self._cursor().executemany(text, rows)

    def _cursor(self) -> apsw.Cursor:
        cursor = self.connection.cursor()
        cursor.row_trace = _as_it_is
        return cursor

    def ring_at_commit(self, ring: Callable[[str, int, int | None], None], rings: Sequence[Ring]) -> None:
        """Ring when the caller's transaction is committed: whoever comes to claim then waits for that commit."""

        def forget() -> None:
            with contextlib.suppress(apsw.ConnectionClosedError):  # being closed rolls back too
                self.connection.set_commit_hook(None, id=rings)
                self.connection.set_rollback_hook(None, id=rings)

        def committing() -> bool:
            forget()
            for each in rings:
                ring(*each)
            return False

        self.connection.set_commit_hook(committing, id=rings)
        self.connection.set_rollback_hook(forget, id=rings)


def borrowed(connection: object, path: Path) -> Borrowed:
    """Return a caller's connection for our use; raise InvalidValue where it is none, or in no transaction."""
    if not isinstance(connection, apsw.Connection):
        kind = f"{type(connection).__module__}.{type(connection).__qualname__}"
        raise InvalidValue(f"connection is a {kind}: give an apsw.Connection to {path}, which alone may open that file")
    if not _is_same_file(connection.filename, path):
        raise InvalidValue(f"connection is open on {connection.filename or 'no file'}, the jobs are in {path}")
    if not connection.in_transaction:
        raise InvalidValue(
            "no transaction is open on connection: begin one (`with connection:`), or leave connection out"
        )
    if pending(connection, path):
        raise SchemaMismatch(f"database {path} has no schema of this version yet: run forge-jobs-db create")
    return Borrowed(connection)


def _is_same_file(filename: str, path: Path) -> bool:
    try:
        return bool(filename) and Path(filename).samefile(path)
    except OSError:
        return False


def _as_it_is(_cursor: apsw.Cursor, row: Any) -> Any:
    return row
