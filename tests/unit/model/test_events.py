"""Which events an end is."""

from __future__ import annotations

import msgspec
import pytest

from forge_jobs.errors import InvalidValue
from forge_jobs.ids import new_job_id
from forge_jobs.model.events import EVENT_KIND, EVENTS, JobEvent, checked_event, event_job, events_of
from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Cause, Status


def error(cause: Cause, exit_signal: str | None = None) -> ErrorEntry:
    return ErrorEntry(at=1, attempt=2, cause=cause, message="no luck", exit_signal=exit_signal)


TABLE = [
    (Status.DONE, None, ("done",)),
    (Status.FAILED, error(Cause.ERROR), ("failed",)),
    (Status.FAILED, error(Cause.TIMEOUT), ("failed",)),
    (Status.FAILED, error(Cause.TIMEOUT, "SIGKILL"), ("failed",)),
    (Status.FAILED, error(Cause.CRASHED, "SIGSEGV"), ("failed", "crashed")),
    (Status.FAILED, error(Cause.LOST), ("failed", "crashed")),
    (Status.FAILED, error(Cause.OUT_OF_MEMORY), ("failed",)),
    (Status.FAILED, error(Cause.OUT_OF_MEMORY, "SIGKILL"), ("failed", "crashed")),
    (Status.DEAD, error(Cause.ERROR), ("dead",)),
    (Status.DEAD, error(Cause.CRASHED, "SIGKILL"), ("dead", "crashed")),
    (Status.DEAD, error(Cause.EXPIRED), ("dead",)),
    (Status.DEAD, error(Cause.CANCELLED), ("cancelled",)),
    (Status.DEAD, error(Cause.CANCELLED, "SIGKILL"), ("cancelled",)),
    (Status.PENDING, None, ()),
    (Status.PENDING, error(Cause.THROTTLED), ()),
]


@pytest.mark.parametrize(("status", "entry", "expected"), TABLE, ids=lambda v: getattr(v, "cause", None) or str(v))
def test_each_end_has_its_events(status: Status, entry: ErrorEntry | None, expected: tuple[str, ...]) -> None:
    assert events_of(status, entry) == expected


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("status", [Status.FAILED, Status.DEAD])
def test_every_bad_end_is_one_of_failed_dead_and_cancelled(status: Status, cause: Cause) -> None:
    (first, *more) = events_of(status, error(cause))

    assert first in ("failed", "dead", "cancelled")
    assert more in ([], ["crashed"])


def test_an_unknown_event_is_named_with_those_there_are() -> None:
    assert [checked_event(event) for event in EVENTS] == list(EVENTS)
    with pytest.raises(InvalidValue, match="'deed' is not one of done, failed, dead, cancelled, crashed"):
        checked_event("deed")


def test_the_job_of_an_event_says_all_of_it() -> None:
    event = JobEvent(
        event="dead", job_id="0192", kind="resize", queue="media", attempt=2, at=5, error=error(Cause.ERROR)
    )
    job = event_job(event, new_job_id())

    assert (job.kind, job.queue, job.priority, job.max_attempts) == (EVENT_KIND, "media", -1000, 5)
    assert msgspec.json.decode(job.payload, type=JobEvent) == event
