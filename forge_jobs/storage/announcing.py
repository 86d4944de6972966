"""Which events are to be told when jobs end, inside the caller's write transaction; the same on every database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from forge_jobs.ids import new_job_id
from forge_jobs.model.events import EVENT_KIND, JobEvent, event_job, events_of
from forge_jobs.model.job import ErrorEntry, NewJob
from forge_jobs.model.states import Status
from forge_jobs.storage.admission import Tables, kind_rules


class End(NamedTuple):
    """How a job, or an attempt of it, has just ended; ``at`` is an instant."""

    job_id: str
    kind: str
    queue: str
    attempt: int
    status: Status
    at: int
    error: ErrorEntry | None = None


def event_jobs(tables: Tables, connection: Any, ends: Iterable[End]) -> Iterator[NewJob]:
    """Give the jobs that carry those events of these ends for which somebody listens.

    To be stored in the transaction that records the ends: then an event is as certain as its end. Each kind is looked
    up once; jobs that carry events have none themselves.
    """
    heard: dict[str, tuple[str, ...]] = {EVENT_KIND: ()}
    for end in ends:
        told = events_of(end.status, end.error)
        if told and end.kind not in heard:
            heard[end.kind] = kind_rules(tables, connection, end.kind).events
        for event in told:
            if event in heard[end.kind]:
                yield event_job(
                    JobEvent(
                        event=event,
                        job_id=end.job_id,
                        kind=end.kind,
                        queue=end.queue,
                        attempt=end.attempt,
                        at=end.at,
                        error=end.error,
                    ),
                    new_job_id(),
                )
