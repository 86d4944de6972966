"""The application of the scenarios in which only forge-jobs takes part, on the database that the environment names."""

from __future__ import annotations

import time

from forge_jobs import ForgeJobs, JobContext

jobs = ForgeJobs()

_WORTHWHILE = 0.1
"""Seconds: longer than the jobs whose ends are recorded together."""


@jobs.handler
def nothing() -> None:
    """Do nothing."""


@jobs.handler
def endless() -> None:
    """Run Python code until somebody stops it."""
    while True:
        pass


@jobs.handler
def first_endless(ctx: JobContext) -> float:
    """At the first attempt run until somebody stops it; at any later one work for a moment and say when it started."""
    started = time.time()
    while ctx.attempt == 1 or time.time() < started + _WORTHWHILE:
        pass
    return started
