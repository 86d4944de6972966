"""How an attempt ended badly, in words, and what to do about the last one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from forge_jobs.model.durations import span
from forge_jobs.model.job import ErrorEntry, JobRecord
from forge_jobs.model.states import Cause
from forge_jobs.model.stops import mebibytes

_LONGEST = 300


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the error history in words; ``at`` is microseconds since the epoch."""

    attempt: int
    at: int
    cause: Cause
    told: str


def attempts_of(job: JobRecord) -> Sequence[Attempt]:
    """Return how the attempts of a job ended that ended badly, oldest first."""
    return [Attempt(attempt=e.attempt, at=e.at, cause=e.cause, told=_told(e)) for e in job.error_history]


def way_out_of(job: JobRecord) -> str:
    """Return what may be done about a job that is dead."""
    again = f"forge-jobs retry {job.id}"
    cause = job.error_history[-1].cause if job.error_history else None
    before = {
        Cause.ERROR: "see the traceback with forge-jobs show, mend what raised it, then ",
        Cause.TIMEOUT: "give its handler a longer timeout=, or the job less to do, then ",
        Cause.OUT_OF_MEMORY: "give its handler a higher memory_limit=, or the job less to do, then ",
        Cause.CRASHED: "look for a crash in C code or a kill in the supervisor's log and the kernel's, then ",
        Cause.KILLED: "look for who killed it in the supervisor's log and the kernel's, then ",
        Cause.EXPIRED: "if it is still wanted: ",
        Cause.CANCELLED: "if it is wanted after all: ",
    }
    return (before.get(cause, "") if cause else "") + again


def _told(entry: ErrorEntry) -> str:
    message = entry.message.strip()
    message = message if len(message) <= _LONGEST else message[:_LONGEST] + "…"
    what = {
        Cause.ERROR: "its handler failed",
        Cause.TIMEOUT: "it ran into its time limit",
        Cause.OUT_OF_MEMORY: "it used more memory than it may",
        Cause.CRASHED: "its worker process died",
        Cause.KILLED: "its worker process was killed",
        Cause.LOST: "its host or worker vanished",
        Cause.CANCELLED: "it was cancelled",
        Cause.EXPIRED: "it expired before it began",
        Cause.THROTTLED: "it was throttled",
    }[entry.cause]
    if entry.cause is Cause.CANCELLED and message.startswith("cancelled"):
        return f"it was {message}{_how(entry)}"
    return f"{what}{_how(entry)}" + (f": {message}" if message else "")


def _how(entry: ErrorEntry) -> str:
    told = []
    if entry.exit_signal is not None:
        told.append(f"by {entry.exit_signal}")
    elif entry.exit_code is not None:
        told.append(f"exit code {entry.exit_code}")
    if entry.wall_seconds is not None:
        told.append(f"after {span(entry.wall_seconds)}")
    if entry.host is not None:
        told.append(f"on {entry.host}" + (f" pid {entry.pid}" if entry.pid is not None else ""))
    if entry.peak_memory is not None and entry.cause is Cause.OUT_OF_MEMORY:
        told.append(f"with {mebibytes(entry.peak_memory)}")
    return f" ({', '.join(told)})" if told else ""
