"""What apsw raises, said in one sentence each."""

from __future__ import annotations

from pathlib import Path

import apsw

from forge_jobs.errors import DatabaseBusy, DatabaseError, DatabaseUnusable, ValueRefused


class Damaged(DatabaseError):
    """A row holds what no program of ours wrote: it breaks a rule, or is a text that is none."""


def translated(error: apsw.Error, path: Path) -> DatabaseError:
    """Return our error for one of apsw's."""
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return DatabaseUnusable(sentence.format(path=path, error=error))
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return DatabaseBusy(
            f"database {path} is locked by another program; close it (a database browser, a backup?) and try again"
        )
    if isinstance(error, apsw.InterruptError):
        return DatabaseBusy(f"database {path} did not answer within the deadline")
    if isinstance(error, (apsw.ConstraintError, apsw.MismatchError)):
        return Damaged(f"database {path} has a row that no program of ours wrote ({error}): see forge-jobs verify")
    if isinstance(error, apsw.TooBigError):
        return ValueRefused(f"database {path} refuses a value: {error}")
    return DatabaseError(f"database {path}: {error}")


_SENTENCES: list[tuple[type[apsw.Error], str]] = [
    (apsw.NotADBError, "{path} is not a SQLite database: name another file, or move it away"),
    (
        apsw.CorruptError,
        "database {path} is damaged ({error}): restore it from a backup, or try the sqlite3 command's .recover",
    ),
    (apsw.FullError, "the disk is full: nothing was stored in {path}; free some space and try again"),
    (
        apsw.ReadOnlyError,
        "database {path} cannot be written: check the permissions of the file and its directory",
    ),
    (apsw.PermissionsError, "database {path} cannot be opened: permission denied"),
    (
        apsw.CantOpenError,
        "database {path} cannot be opened: check that its directory exists and may be written",
    ),
    (apsw.IOError, "reading or writing database {path} failed ({error}): check the disk"),
]
