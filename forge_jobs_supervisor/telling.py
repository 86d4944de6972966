"""What the log says of jobs: one line for each step, under a name that stays. Never a payload or a result."""

from __future__ import annotations

import logging

from forge_jobs.model.states import Cause, Status
from forge_jobs.storage.claims import Claim, Ended

_log = logging.getLogger("forge_jobs.jobs")


def tell_start(claim: Claim) -> None:
    """Say at the level ``debug`` that a job is begun."""
    if _log.isEnabledFor(logging.DEBUG):
        _log.debug("attempt %d of %d begins", claim.attempt, claim.max_attempts, extra=_about(claim, "job.started"))


def tell_end(claim: Claim, ended: Ended, seconds: float | None = None) -> None:
    """Say how an attempt ended: failures as warnings, all else at the level ``debug``."""
    error = ended.error
    if error is None:
        if _log.isEnabledFor(logging.DEBUG):
            name = "job.done" if ended.status is Status.DONE else "job.put_back"
            told = "done" if ended.status is Status.DONE else "back in the queue, the attempt too"
            _log.debug(told, extra=_about(claim, name) | {"seconds": seconds})
        return
    name = "job.cancelled" if error.cause is Cause.CANCELLED else f"job.{ended.status}"
    extra = _about(claim, name) | {"cause": str(error.cause), "seconds": seconds, "exit_signal": error.exit_signal}
    _log.warning("attempt %d of %d: %s", claim.attempt, claim.max_attempts, error.message, extra=extra)


def _about(claim: Claim, event: str) -> dict[str, object]:
    return {
        "event": event,
        "job_id": claim.id,
        "kind": claim.kind,
        "queue": claim.queue,
        "attempt": claim.attempt,
        "max_attempts": claim.max_attempts,
    }
