"""What psycopg raises, said in one sentence each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import errors as pg

from forge_jobs.errors import DatabaseBusy, DatabaseError, DatabaseUnusable, SchemaMismatch, ValueRefused

TRIES = 10
T = TypeVar("T")


_FULL = ("too many clients", "too many connections", "connection slots are reserved")
"""A refused connection has no error code for psycopg, only the server's words."""


_REFUSALS = ("22", "23", "54")
"""Classes of error codes: data exceptions, broken rules, limits of the server that a value exceeds."""

_GIVEN_UP = ("25P03", "25P04")
"""The server has ended a session in which nothing was said, or which took longer, than a transaction may."""


_UNUSABLE: tuple[tuple[tuple[type[psycopg.Error], ...], str], ...] = (
    ((pg.InsufficientPrivilege,), "database {location}: {error}: grant it, or use another user"),
    ((pg.DiskFull, pg.OutOfMemory), "database {location}: {error}: nothing was stored"),
    ((pg.ReadOnlySqlTransaction,), "database {location} takes no writes: {error}"),
    ((pg.AdminShutdown, pg.CrashShutdown, pg.CannotConnectNow), "database {location} has ended the session: {error}"),
)


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
    if isinstance(error, (Late, pg.QueryCanceled, pg.LockNotAvailable)) or error.sqlstate in _GIVEN_UP:
        return DatabaseBusy(f"database {location} did not answer within the deadline")
    if isinstance(error, (pg.DeadlockDetected, pg.SerializationFailure, pg.UniqueViolation)):
        return Contended(f"database {location}: {_first_line(error)}; try again")
    if isinstance(error, (pg.UndefinedTable, pg.InvalidSchemaName, pg.UndefinedColumn)):
        return SchemaMismatch(f"database {location} has no schema of forge-jobs: run forge-jobs-db create")
    for kinds, sentence in _UNUSABLE:
        if isinstance(error, kinds):
            return DatabaseUnusable(sentence.format(location=location, error=_first_line(error)))
    if isinstance(error, pg.TooManyConnections) or any(told in str(error) for told in _FULL):
        return DatabaseUnusable(
            f"database {location} has no connection left: raise max_connections, or run fewer workers"
        )
    if "unsupported startup parameter" in str(error):
        return DatabaseUnusable(
            f"database {location} is behind a pooler ({_first_line(error)}): add pooled=yes to its URL"
        )
    if isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith(_REFUSALS):
        return ValueRefused(f"database {location} refuses a value: {_first_line(error)}")
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return DatabaseUnusable(f"database {location} cannot be reached: {_first_line(error)}")
    return DatabaseError(f"database {location}: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
