"""What psycopg raises, said in one sentence each."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg

from forge_jobs.errors import DatabaseBusy, DatabaseError, DatabaseUnusable, SchemaMismatch


class Late(Exception):
    """The server did not answer within the deadline."""


class Deadlocked(DatabaseError):
    """Two transactions waited for each other, and this one was rolled back: it may be tried again."""


def translated(error: psycopg.Error | Late, location: str) -> DatabaseError:
    """Return our error for one of psycopg's."""
    if isinstance(error, (Late, pg.QueryCanceled, pg.LockNotAvailable)):
        return DatabaseBusy(f"database {location} did not answer within the deadline")
    if isinstance(error, (pg.DeadlockDetected, pg.SerializationFailure)):
        return Deadlocked(f"database {location}: {_first_line(error)}; try again")
    if isinstance(error, (pg.UndefinedTable, pg.InvalidSchemaName, pg.UndefinedColumn)):
        return SchemaMismatch(f"database {location} has no schema of forge-jobs: run forge-jobs-db create")
    if isinstance(error, pg.InsufficientPrivilege):
        return DatabaseUnusable(f"database {location}: {_first_line(error)}: grant it, or use another user")
    if isinstance(error, (pg.DiskFull, pg.OutOfMemory)):
        return DatabaseUnusable(f"database {location}: {_first_line(error)}: nothing was stored")
    if isinstance(error, pg.TooManyConnections):
        return DatabaseUnusable(
            f"database {location} has no connection left: raise max_connections, or run fewer workers"
        )
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return DatabaseUnusable(f"database {location} cannot be reached: {_first_line(error)}")
    return DatabaseError(f"database {location}: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
