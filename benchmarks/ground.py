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
from typing import Any, Protocol, Self

import apsw
import msgspec
import psutil
import psycopg

from benchmarks.store import grow_log
from forge_jobs import ForgeJobs
from forge_jobs.storage import open_storage
from tests.support.postgres import Server

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "forge_jobs_supervisor", "supervise", "--app", "benchmarks.application:jobs"]
PATIENCE = 300.0
_SUMMARY = re.compile(r"done (\d+), failed attempts (\d+), dead (\d+); wall ([\d.]+) s, CPU ([\d.]+) s")


_DONE = "count(*) FILTER (WHERE status = 'done')"


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


class Place(Protocol):
    """An empty database of one kind."""

    url: str

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a statement of the benchmark's own; none while there is no database yet."""

    def grow_log(self) -> None:
        """Give the log its size, where a database that is new writes more slowly."""

    def close(self) -> None:
        """Remove it."""


class File:
    """A SQLite file."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="farm-")
        self.path = Path(self._directory.name, "queue.sqlite")
        self.url = f"sqlite:///{self.path}"

    def rows(self, sql: str) -> list[Any]:
        """Return rows; none while there is no database yet."""
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

    def grow_log(self) -> None:
        """Let the log grow; the benchmark's process keeps the database open, or the log would go at once."""
        connection = apsw.Connection(str(self.path))
        grow_log(connection)
        connection.close()

    def close(self) -> None:
        """Remove the file."""
        self._directory.cleanup()


class Schema:
    """A schema of a PostgreSQL server of our own, which writes its log through as one in production does."""

    _VIEWS = """
        CREATE SCHEMA bench;
        CREATE VIEW bench.job AS SELECT id, status, attempts, process_id, claim_no,
            (extract(epoch FROM enqueued_at) * 1000000)::float8 AS enqueued_at,
            (extract(epoch FROM started_at) * 1000000)::float8 AS started_at,
            (extract(epoch FROM finished_at) * 1000000)::float8 AS finished_at FROM forge_jobs.job;
        CREATE VIEW bench.process AS SELECT * FROM forge_jobs.process;
        CREATE VIEW bench.tally AS SELECT outcome, change FROM forge_jobs.tally
    """

    def __init__(self) -> None:
        self._server = Server(durable=True)
        self.url = self._server.url
        open_storage(self.url).schema.create()
        self._connection = psycopg.connect(self.url, autocommit=True)
        for statement in self._VIEWS.split(";"):
            self._connection.execute(statement)
        self._connection.execute("SET search_path = bench")

    def rows(self, sql: str) -> list[Any]:
        """Return rows, instants as microseconds."""
        return self._connection.execute(sql).fetchall()

    def grow_log(self) -> None:
        """Do nothing: the server's log has its size."""

    def close(self) -> None:
        """Stop the server."""
        self._connection.close()
        self._server.close()


PLACES: dict[str, Callable[[], Place]] = {"sqlite": File, "postgres": Schema}


class Ground:
    """One empty database. Leaving it ends, by its pid, what was started on it."""

    kind = "sqlite"

    def __init__(self) -> None:
        self._place = PLACES[self.kind]()
        self.url = self._place.url
        self.rows = self._place.rows
        self.grow_log = self._place.grow_log
        self.jobs = ForgeJobs(self.url)
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith(("FORGE_", "JOBS_"))}
        self._environment["FORGE_DATABASE_URL"] = self.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.jobs.close()
        self._place.close()

    def enqueue(self, kind: str, payload: dict[str, object], jobs: int) -> None:
        """Store jobs in one transaction."""
        self.jobs.enqueue_bulk([(kind, payload)] * jobs)

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

    def until_done(self, jobs: int) -> None:
        """Wait until so many jobs are done."""
        self.until(lambda: self.rows(f"SELECT {_DONE} FROM job") == [(jobs,)], "all jobs to end")  # noqa: S608 - a constant

    def check_once(self, jobs: int) -> None:
        """Raise NotOnce unless there are so many jobs and each was claimed once and recorded once."""
        rows = self.rows(
            "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE status = 'done'), sum(attempts) FROM job"
        )
        recorded = self.rows("SELECT outcome, sum(change) FROM tally GROUP BY outcome")
        if rows != [(jobs, jobs, jobs, jobs)] or recorded != [("done", jobs)]:
            raise NotOnce(f"{jobs} jobs: rows, ids, done, attempts {rows}, recorded {recorded}")
