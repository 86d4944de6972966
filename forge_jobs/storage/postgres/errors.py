"""What psycopg raises, said in one sentence each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import errors as pg

from forge_jobs.errors import DatabaseBusy, DatabaseError, DatabaseUnusable, SchemaMismatch

TRIES = 10
T = TypeVar("T")


_FULL = ("too many clients", "too many connections", "connection slots are reserved")
"""A refused connection has no error code for psycopg, only the server's words."""


class Late(Exception):
    """The server did not answer within the deadline."""


class Contended(DatabaseError):
    """Two transactions met, and this one was rolled back: it may be tried again."""


def again(act: Callable[[], T]) -> T:
    """Do a transaction once more, a few times, when it met another and was rolled back."""
    for _ in range(TRIES - 1):
        try:
            return act()
        except Contended:
            continue
    return act()


def translated(error: psycopg.Error | Late, location: str) -> DatabaseError:
    """Return our error for one of psycopg's."""
    if isinstance(error, (Late, pg.QueryCanceled, pg.LockNotAvailable)):
        return DatabaseBusy(f"database {location} did not answer within the deadline")
    if isinstance(error, (pg.DeadlockDetected, pg.SerializationFailure, pg.UniqueViolation)):
        return Contended(f"database {location}: {_first_line(error)}; try again")
    if isinstance(error, (pg.UndefinedTable, pg.InvalidSchemaName, pg.UndefinedColumn)):
        return SchemaMismatch(f"database {location} has no schema of forge-jobs: run forge-jobs-db create")
    if isinstance(error, pg.InsufficientPrivilege):
        return DatabaseUnusable(f"database {location}: {_first_line(error)}: grant it, or use another user")
    if isinstance(error, (pg.DiskFull, pg.OutOfMemory)):
        return DatabaseUnusable(f"database {location}: {_first_line(error)}: nothing was stored")
    if isinstance(error, pg.TooManyConnections) or any(told in str(error) for told in _FULL):
        return DatabaseUnusable(
            f"database {location} has no connection left: raise max_connections, or run fewer workers"
        )
    if "unsupported startup parameter" in str(error):
        return DatabaseUnusable(
            f"database {location} is behind a pooler ({_first_line(error)}): add pooled=yes to its URL"
        )
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return DatabaseUnusable(f"database {location} cannot be reached: {_first_line(error)}")
    return DatabaseError(f"database {location}: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
