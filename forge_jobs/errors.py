"""Every error this package raises, as one tree.

The tree is split by who must act: the caller (``UsageError``), the operator (``DatabaseError``), or nobody
because the job itself failed (``JobFailed``). Messages are one plain sentence and never contain a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forge_jobs.model.job import ErrorEntry

__all__ = [
    "ClaimLost",
    "ConfigError",
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseUnusable",
    "ForgeJobsError",
    "ForkedProcess",
    "HandlerError",
    "InvalidValue",
    "JobFailed",
    "JobNotFound",
    "PayloadError",
    "ResultTimeout",
    "SchemaMismatch",
    "UsageError",
    "ValueRefused",
    "WorkersAlive",
]


class ForgeJobsError(Exception):
    """The root of all errors of forge-jobs."""


class UsageError(ForgeJobsError):
    """What was asked cannot be done as asked; the caller must change the call."""


class ConfigError(UsageError):
    """A configuration file, an environment variable or a database URL is wrong."""


class InvalidValue(UsageError, ValueError):
    """An argument is outside what is allowed (a name, a priority, a time, a limit)."""


class HandlerError(UsageError):
    """A handler is declared in a way that cannot work, or two handlers claim one kind."""


class PayloadError(UsageError, ValueError):
    """A payload or a result cannot be stored as JSON, is too large, or does not fit the handler's signature."""


class JobNotFound(UsageError, LookupError):
    """There is no job with this id (never enqueued here, or removed by retention)."""


class ForkedProcess(UsageError):
    """The database was in use when this process was forked; it cannot be used on this side of the fork."""


class DatabaseError(ForgeJobsError):
    """The database did not do what it must."""


class DatabaseBusy(DatabaseError):
    """The database could not be had within the deadline."""


class DatabaseUnusable(DatabaseError):
    """The database cannot be opened, is damaged, is full, or is no database at all."""


class SchemaMismatch(DatabaseError):
    """The database's schema is newer than this program, or has not been created."""


class ValueRefused(DatabaseError):
    """The database answers, and does not take a value: whatever was to be stored together with it was not."""


class ClaimLost(DatabaseError):
    """A job has ended, or was given to another worker, while this one ran it: what it wanted to commit was rolled back.

    It has ended too where an earlier transaction of the same attempt was committed and its answer got lost.
    """

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} has ended, or was given to another worker, meanwhile: nothing was committed")


class WorkersAlive(DatabaseError):
    """The operation is refused while live workers are registered."""


class ResultTimeout(ForgeJobsError, TimeoutError):
    """A job's result was not there when the wait was over."""


class JobFailed(ForgeJobsError):
    """A job ended dead.

    ``entry`` is the newest line of its error history (or ``None``); ``cause`` is its cause.
    """

    def __init__(self, job_id: str, kind: str, entry: ErrorEntry | None) -> None:
        self.job_id = job_id
        self.kind = kind
        self.entry = entry
        self.cause = entry.cause if entry else None
        told = f"{entry.cause}: {entry.message}" if entry else "no error was recorded"
        super().__init__(f"job {job_id} ({kind}) ended dead, {told}")
