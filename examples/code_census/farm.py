"""The census taken by a farm: enqueue one job per file, run the farm until it has drained, gather what it stored."""

from __future__ import annotations

import hashlib
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from examples.code_census.census import FileCensus
from examples.code_census.tasks import QUEUE, census, jobs
from forge_jobs import ForgeJobs, Job

ROOT = Path(__file__).resolve().parents[2]


class FarmFailed(Exception):
    """The farm left before its work was done."""


def census_by_farm(files: Sequence[Path], workers: int) -> list[FileCensus]:
    """Return the census of every file, in the order given; raise FarmFailed or a ForgeJobsError."""
    stored = jobs.enqueue_bulk([(census.kind, {"file": file}, {"unique_key": key_of(file)}) for file in files])
    code = run_farm(workers)
    if code:
        raise FarmFailed(f"the farm left with exit code {code}: {_reason(jobs)}")
    return [_result(job) for job in stored]


def key_of(file: Path) -> str:
    """Return a key by which a file has one live job only, however long its name is."""
    return hashlib.sha256(str(file).encode()).hexdigest()


def run_farm(workers: int) -> int:
    """Run ``forge-jobs supervise`` until nothing is left to do; return its exit code.

    It writes its progress to the same terminal and uses the same database: it inherits standard error and
    FORGE_DATABASE_URL.
    """
    command = [
        str(Path(sysconfig.get_path("scripts"), "forge-jobs")),
        *("supervise", "--app", "examples.code_census.tasks:jobs"),
        *("--workers", str(workers), "--queue", QUEUE, "--drain"),
    ]
    with subprocess.Popen(command, cwd=ROOT) as farm:
        try:
            return farm.wait()
        except BaseException:
            farm.terminate()
            farm.wait()
            raise


def _result(job: Job) -> FileCensus:
    result: FileCensus = job.result(timeout=0)
    return result


def _reason(jobs: ForgeJobs) -> str:
    for job in jobs.list(status="dead", limit=1):
        return f"{job.payload['file']}: {job.error_history[-1].message}"
    return "its last words are above"
