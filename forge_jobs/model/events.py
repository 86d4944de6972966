"""What may be heard of a job: the events of each end, by one pure rule, and the job that carries an event."""

from __future__ import annotations

from typing import Any

import msgspec

from forge_jobs.errors import InvalidValue
from forge_jobs.model.job import ErrorEntry, NewJob
from forge_jobs.model.states import Cause, Status
from forge_jobs.showing import quoted

EVENTS = ("done", "failed", "dead", "cancelled", "crashed")
"""``done``; ``failed``, to be tried again; ``dead``, never again and not by a cancel; ``cancelled``; ``crashed``, told
besides ``failed`` or ``dead``: the process died under the job, and not because somebody stopped that."""

EVENT_KIND = "forge.event"
"""The kind of the jobs that carry events. They raise none themselves."""

EVENT_PRIORITY = -1000
EVENT_ATTEMPTS = 5
_CRASHES = frozenset({Cause.CRASHED, Cause.KILLED, Cause.LOST})


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that became of a job. ``at`` is microseconds since the epoch.

    ``attempt`` is the one that ended, 0 where none had begun; ``error`` the line of the error history, None for
    ``done``. Events come at least once, and not always in order: (``job_id``, ``attempt``, ``event``) names one.
    """

    event: str
    job_id: str
    kind: str
    queue: str
    attempt: int
    at: int
    error: ErrorEntry | None = None


def checked_event(event: Any) -> str:
    """Return the name of an event; raise InvalidValue."""
    if event not in EVENTS:
        raise InvalidValue(f"event {quoted(event)} is not one of {', '.join(EVENTS)}")
    return str(event)


def events_of(status: Status, error: ErrorEntry | None) -> tuple[str, ...]:
    """Return the events of an attempt's, or a waiting job's, end: none where the job was only given back."""
    if status is Status.DONE:
        return ("done",)
    if status not in (Status.FAILED, Status.DEAD) or error is None:
        return ()
    if error.cause is Cause.CANCELLED:
        return ("cancelled",)
    out_of_memory = error.cause is Cause.OUT_OF_MEMORY and error.exit_signal is not None
    return (str(status), "crashed") if error.cause in _CRASHES or out_of_memory else (str(status),)


def event_job(event: JobEvent, job_id: str) -> NewJob:
    """Return the job, to be stored under ``job_id``, that carries an event."""
    return NewJob(
        id=job_id,
        queue=event.queue,
        kind=EVENT_KIND,
        payload=msgspec.json.encode(event),
        priority=EVENT_PRIORITY,
        max_attempts=EVENT_ATTEMPTS,
    )
