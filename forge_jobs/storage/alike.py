"""Jobs that differ in their ids and payloads only: one statement stores many of them and is told all else once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter

from forge_jobs.model.job import NewJob

LONGEST = 5000
"""Jobs in a run at most: their payloads are held in memory once more."""

_terms = attrgetter(*(name for name in NewJob.__struct_fields__ if name not in ("id", "payload")))


def runs_of(jobs: Sequence[NewJob]) -> Iterator[list[NewJob]]:
    """Give the jobs, in their order, in runs of such as are alike."""
    for _, alike in groupby(jobs, _terms):
        while run := list(islice(alike, LONGEST)):
            yield run


def are_alike(jobs: Sequence[NewJob]) -> bool:
    """Return whether all of the jobs are alike."""
    first = _terms(jobs[0])
    return all(_terms(job) == first for job in jobs)


def due_at(job: NewJob, now: int) -> int:
    """Return the instant from which on a job that is stored now may run."""
    return now + (job.delay or 0) if job.run_at is None else job.run_at
