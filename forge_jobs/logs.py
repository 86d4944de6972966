"""Which job this process runs right now, and a filter that puts it on every line that is logged meanwhile."""

from __future__ import annotations

import logging

import msgspec

from forge_jobs.storage.claims import Claim

_claim: Claim | None = None
"""Of the process, not of a thread or a context: a worker runs one job at a time, and its threads work for that one."""


class RunningJob(msgspec.Struct, frozen=True):
    """The job that this process runs, as far as a log line wants it."""

    id: str
    kind: str
    queue: str
    attempt: int


def note_running(claim: Claim | None) -> None:
    """Say which claim is run from now on; None: no longer any."""
    global _claim
    _claim = claim


def current_job() -> RunningJob | None:
    """Return the job that this process runs, in any of its threads; None outside of a worker and between jobs.

    A thread that a job has left behind is told the job that runs by then.
    """
    claim = _claim
    return None if claim is None else RunningJob(claim.id, claim.kind, claim.queue, claim.attempt)


class TagWithJob(logging.Filter):
    """Gives every record that says no ``job_id`` itself those of the running job: id, kind, queue and attempt.

    The log of ``forge-jobs supervise`` has it. An application that sets up handlers of its own adds it to them:
    ``handler.addFilter(TagWithJob())``.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tag the record; let it pass."""
        claim = _claim
        if claim is not None and not hasattr(record, "job_id"):
            record.__dict__.update(job_id=claim.id, kind=claim.kind, queue=claim.queue, attempt=claim.attempt)
        return True
