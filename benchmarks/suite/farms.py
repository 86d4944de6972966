"""Databases of forge-jobs, read past the queue, and farms on them that run an application of the suite."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil

from benchmarks import servers
from benchmarks.peers.base import Contestant
from benchmarks.peers.running import running
from benchmarks.suite import application
from benchmarks.suite.database import connect
from benchmarks.suite.waiting import until
from forge_jobs import ForgeJobs
from forge_jobs.storage import open_storage

APPLICATION = application.__name__


class Farm:
    """A farm that runs: its supervisor, and whatever belongs to it at the moment."""

    def __init__(self, supervisor: int) -> None:
        self.supervisor = psutil.Process(supervisor)

    @property
    def workers(self) -> list[psutil.Process]:
        """The workers, idle or not."""
        return [child for child in self.supervisor.children() if "worker" in _title(child)]

    @property
    def processes(self) -> list[psutil.Process]:
        """All of them, the supervisor first."""
        return [self.supervisor, *self.supervisor.children(recursive=True)]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just left
        return ""


class Database:
    """An empty database of forge-jobs on one of its stores. ``connection`` is the benchmark's own."""

    def __init__(self, url: str) -> None:
        self.url = url
        with contextlib.closing(open_storage(url)) as storage:
            storage.schema.create()
        self.connection = connect(url)
        self._farms: list[int] = []

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a statement."""
        return list(self.connection.execute(sql).fetchall())

    def client(self) -> AbstractContextManager[ForgeJobs]:
        """Give an application that knows no handlers, as a program that only enqueues has one."""
        return contextlib.closing(ForgeJobs(self.url))

    @contextlib.contextmanager
    def farm(self, workers: int, app: str = APPLICATION) -> Iterator[Farm]:
        """Have a farm at work in the block, beside those that are there already; entered when all are registered."""
        command = [sys.executable, "-m", "forge_jobs_supervisor", "supervise", "--app", f"{app}:jobs"]
        self._farms.append(workers)
        expected = sum(self._farms)
        try:
            with (
                environment(FORGE_DATABASE_URL=self.url, PYTHONDONTWRITEBYTECODE=None),
                running(
                    [[*command, "--workers", str(workers)]], contestant=app, store=self.url,
                    ready=lambda: self.rows("SELECT count(*) FROM process") == [(expected,)],
                ) as pids,
            ):  # fmt: skip
                yield Farm(pids[0])
        finally:
            self._farms.remove(workers)

    def busy(self) -> psutil.Process:
        """Return the worker that runs the one job that is running, once there is one."""
        found: list[Any] = []

        def one() -> bool:
            found[:] = self.rows("SELECT pid FROM process JOIN job USING (process_id) WHERE status = 'in_progress'")
            return len(found) == 1

        until(one, "a job to run", every=0.002)
        ((pid,),) = found
        return psutil.Process(pid)

    def done(self) -> int:
        """Return how many jobs are recorded as done."""
        ((done,),) = self.rows("SELECT coalesce(sum(change), 0) FROM tally WHERE outcome = 'done'")
        return int(done)


@contextlib.contextmanager
def database(contestant: Contestant) -> Iterator[Database]:
    """Give an empty database on the store of one of ours, and remove it then."""
    with contextlib.ExitStack() as stack:
        if contestant.store == "sqlite":
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="fj-bench-"))
            url = f"sqlite:///{Path(directory, 'queue.sqlite')}"
        else:
            url = stack.enter_context(servers.database())
        made = Database(url)
        stack.callback(made.connection.close)
        yield made


@contextlib.contextmanager
def environment(**values: str | None) -> Iterator[None]:
    """Have environment variables set in the block, or, by None, not set."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
