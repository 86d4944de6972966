"""The application of the scenarios in which only forge-jobs takes part, on the database that the environment names."""

from __future__ import annotations

import os
import time
from typing import Any

import apsw

from forge_jobs import ForgeJobs, JobContext

STATEMENTS = "FORGE_BENCH_STATEMENTS"
"""The environment variable that names a file, to which each process of the farm adds a byte for every statement."""

jobs = ForgeJobs()

_WORTHWHILE = 0.1
"""Seconds: longer than the jobs whose ends are recorded together."""


def _count(file: str) -> None:
    """Count what this process and those that it forks ask of SQLite. BEGIN and its like are not counted."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def begun(event: dict[str, Any]) -> None:
        if not event["sql"].startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            os.write(descriptor, b".")

    apsw.connection_hooks.append(lambda connection: connection.trace_v2(apsw.SQLITE_TRACE_STMT, begun))


if STATEMENTS in os.environ:
    _count(os.environ[STATEMENTS])


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
