"""What the farm runs: one kind of job, one job per file."""

from __future__ import annotations

from pathlib import Path

from examples.code_census.census import FileCensus, census_of
from forge_jobs import ForgeJobs

QUEUE = "census"

jobs = ForgeJobs()


@jobs.handler(queue=QUEUE)
def census(file: Path) -> FileCensus:
    """Return what one source file holds."""
    return census_of(file)
