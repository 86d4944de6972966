"""Why a running job is stopped, and what is raised inside its handler then."""

from __future__ import annotations

from enum import IntEnum

from forge_jobs.model.outcome import Verdict
from forge_jobs.model.states import Cause


class StopReason(IntEnum):
    """Why; stored as a number on the board."""

    CANCEL = 1
    TIMEOUT = 2
    MEMORY = 3
    INTERRUPT = 4


class JobStopped(BaseException):
    """Raised inside a handler that has to stop: clean up and let it pass.

    Not an ``Exception``, so that ``except Exception`` lets it through. Whoever swallows it is asked again, and killed
    when the grace is over.
    """


class JobCancelled(JobStopped):
    """Somebody cancelled the job: it is not tried again."""


class JobTimeout(JobStopped):
    """The job's time limit is over: the attempt has failed."""


class JobOutOfMemory(JobStopped):
    """The job uses more memory than its limit: the attempt has failed."""


class JobInterrupted(JobStopped):
    """The farm stops: the job goes back to the queue with its attempt."""


RAISED: dict[StopReason, type[JobStopped]] = {
    StopReason.CANCEL: JobCancelled,
    StopReason.TIMEOUT: JobTimeout,
    StopReason.MEMORY: JobOutOfMemory,
    StopReason.INTERRUPT: JobInterrupted,
}

_CAUSES = {
    StopReason.CANCEL: Cause.CANCELLED,
    StopReason.TIMEOUT: Cause.TIMEOUT,
    StopReason.MEMORY: Cause.OUT_OF_MEMORY,
}


def reason_of(stop: JobStopped) -> StopReason:
    """Return the reason for which it is raised."""
    return next(reason for reason, raised in RAISED.items() if isinstance(stop, raised))


def stop_verdict(reason: StopReason, message: str, **details: object) -> Verdict:
    """Return what an attempt that was stopped counts as."""
    if reason is StopReason.INTERRUPT:
        return Verdict(released=True)
    return Verdict(cause=_CAUSES[reason], message=message, final=reason is StopReason.CANCEL, **details)  # type: ignore[arg-type]


CANCELLED = "cancelled while it was running"


def ran_too_long(limit: float) -> str:
    """Return in words that a job passed its time limit, in seconds."""
    return f"the job ran longer than its limit of {limit:g} s"


def used_too_much(used: int, limit: int) -> str:
    """Return in words that a job passed its memory limit; both in bytes."""
    return f"the job used {mebibytes(used)} more than its idle worker; its limit is {mebibytes(limit)}"


def mebibytes(size: int) -> str:
    """Return a size for people."""
    return f"{size / 2**20:.1f} MiB"
