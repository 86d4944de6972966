"""A temporary database, the farms that are started on it, and what its rows say afterwards."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

import apsw
import msgspec
import psutil

from benchmarks.store import grow_log
from forge_jobs import ForgeJobs

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "forge_jobs_supervisor", "supervise", "--app", "benchmarks.application:jobs"]
PATIENCE = 300.0
_SUMMARY = re.compile(r"done (\d+), failed attempts (\d+), dead (\d+); wall ([\d.]+) s, CPU ([\d.]+) s")


class NotOnce(Exception):
    """A job was lost, or recorded more than once."""


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """How a drain went, in seconds: by the command's own summary, and by what it stored.

    ``busy`` is from the first start to the last end, ``gap`` from a job's end to the start of its worker's next one.
    """

    wall: float
    cpu: float
    busy: float
    gap: float


class Ground:
    """One empty database. Leaving it ends, by its pid, what was started on it."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="farm-")
        self.path = Path(self._directory.name, "queue.sqlite")
        self.url = f"sqlite:///{self.path}"
        self.jobs = ForgeJobs(self.url)
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith(("FORGE_", "JOBS_"))}
        self._environment["FORGE_DATABASE_URL"] = self.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.jobs.close()
        self._directory.cleanup()

    def enqueue(self, kind: str, payload: dict[str, object], jobs: int) -> None:
        """Store jobs in one transaction."""
        self.jobs.enqueue_bulk([(kind, payload)] * jobs)

    def grow_log(self) -> None:
        """Give the log its size; this process keeps the database open, or the log would go at once."""
        connection = apsw.Connection(str(self.path))
        grow_log(connection)
        connection.close()

    def drain(self, workers: int, jobs: int) -> Drained:
        """Run a farm until nothing is left, and check that each of so many jobs was recorded exactly once."""
        self.jobs.close()
        done = subprocess.run(
            [*COMMAND, "--workers", str(workers), "--drain", "--no-progress"],
            cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        summary = _SUMMARY.search(done.stdout)
        if done.returncode or summary is None:
            raise RuntimeError(f"the farm left with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
        self.check_once(jobs)
        ((first, last),) = self.rows("SELECT min(started_at), max(finished_at) FROM job")
        return Drained(wall=float(summary[4]), cpu=float(summary[5]), busy=(last - first) / 1e6, gap=self._gap())

    def _gap(self) -> float:
        gaps = self.rows(
            "SELECT started_at - lag(finished_at) OVER (PARTITION BY process_id ORDER BY claim_no) FROM job"
        )
        return float(median([gap for (gap,) in gaps if gap is not None] or [0])) / 1e6

    @contextlib.contextmanager
    def farm(self, workers: int) -> Iterator[psutil.Process]:
        """Have a farm at work in the block; gives its supervisor."""
        with (
            tempfile.TemporaryFile() as log,
            subprocess.Popen(
                [*COMMAND, "--workers", str(workers)], cwd=ROOT, env=self._environment, stderr=log
            ) as farm,
        ):
            try:
                self.until(
                    lambda: self.rows("SELECT count(*) FROM process") == [(workers,)], f"{workers} workers to register"
                )
                yield psutil.Process(farm.pid)
                farm.terminate()
                farm.wait(timeout=60)
            except BaseException:
                farm.kill()  # its workers and its coordinator leave by themselves then
                raise

    def until(self, fact: Callable[[], bool], told: str) -> None:
        """Wait for a fact about the database."""
        give_up = time.monotonic() + PATIENCE
        while not fact():
            if time.monotonic() > give_up:
                raise TimeoutError(f"waited {PATIENCE:g} s for {told}")
            time.sleep(0.05)

    def check_once(self, jobs: int) -> None:
        """Raise NotOnce unless there are so many jobs and each was claimed once and recorded once."""
        rows = self.rows("SELECT count(*), count(DISTINCT id), sum(status = 'done'), sum(attempts) FROM job")
        recorded = self.rows("SELECT outcome, sum(change) FROM tally GROUP BY outcome")
        if rows != [(jobs, jobs, jobs, jobs)] or recorded != [("done", jobs)]:
            raise NotOnce(f"{jobs} jobs: rows, ids, done, attempts {rows}, recorded {recorded}")

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a statement of the benchmark's own; none while there is no database yet."""
        if not self.path.exists():
            return []
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(10_000)
            return connection.execute(sql).fetchall()
        except apsw.SQLError:
            return []  # the schema is not there yet
        finally:
            connection.close()
