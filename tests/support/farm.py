"""A real farm for a test: an application in a file of its own, a supervisor as a user starts it, and what to kill."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil

from forge_jobs import ForgeJobs, Job
from tests.support.postgres import having
from tests.support.until import until

APPLICATIONS = list(Path(__file__).parent.glob("*application.py"))
COMMAND = [sys.executable, "-m", "forge_jobs_supervisor"]
PATIENCE = 60.0
T = TypeVar("T")


def eventually(fact: Callable[[], T], *, within: float = PATIENCE, told: str = "") -> T:
    """Wait for a fact that several processes must bring about, on a machine that may be busy."""
    return until(fact, within=within, told=told)


class Farm:
    """One database and the supervisors a test starts on it; everything is ended by its pid at the end."""

    def __init__(self, directory: Path, url: str | None = None) -> None:
        self.directory = directory
        self.url = url or f"sqlite:///{directory / 'queue.sqlite'}"
        for application in APPLICATIONS:
            (directory / application.name).write_text(application.read_text())
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("FORGE_", "JOBS_"))}
        self.environment["FORGE_DATABASE_URL"] = self.url
        self.jobs = ForgeJobs(self.url)
        self._started: list[subprocess.Popen[str]] = []

    def supervise(self, *options: str, workers: int = 2, app: str | None = "application:jobs") -> Supervised:
        """Start ``forge-jobs supervise``, with an application or none."""
        log = self.directory / f"log-{len(self._started)}.txt"
        named = [] if app is None else ["--app", app]
        command = [*COMMAND, "supervise", *named, "--workers", str(workers), *options]
        with log.open("w") as stream:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                start_new_session=True,  # no terminal: SIGHUP means reload
            )
        self._started.append(process)
        return Supervised(process, log, self.jobs)

    def run(
        self, *arguments: str, program: str = "forge_jobs_supervisor", **more: object
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "-m", program, *arguments],
            cwd=self.directory, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, **more,
        )  # fmt: skip

    def ended(self, *jobs: Job) -> None:
        """Wait until all jobs have ended."""
        for job in jobs:
            eventually(lambda job=job: job.refresh().status in ("done", "dead"), told=f"{job!r} to end")

    def close(self) -> None:
        """Kill what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()
        self.jobs.close()


@contextlib.contextmanager
def farm_in_schema(directory: Path, url: str) -> Iterator[Farm]:
    """Give a farm on a PostgreSQL server, in a schema of its own; a host is dead there after five seconds."""
    farm = Farm(directory, having(url, schema=f"f{os.urandom(6).hex()}", stale_after=5))
    farm.jobs.storage.schema.create()
    try:
        yield farm
    finally:
        farm.close()


class Supervised:
    """One running supervisor."""

    def __init__(self, process: subprocess.Popen[str], log: Path, jobs: ForgeJobs) -> None:
        self.process = process
        self.pid = process.pid
        self._log = log
        self._jobs = jobs

    @property
    def log(self) -> str:
        """What it has written to standard error."""
        return self._log.read_text()

    def children(self, title: str) -> list[psutil.Process]:
        """Return its living children whose title begins with ``forge-jobs: <title>``."""
        return [p for p in psutil.Process(self.pid).children() if _title(p).startswith(f"forge-jobs: {title}")]

    def workers(self) -> list[psutil.Process]:
        """Return its living workers."""
        return self.children("worker")

    def up(self, workers: int) -> list[psutil.Process]:
        """Wait until so many workers are registered, and return them."""
        eventually(lambda: len(self._jobs.storage.registry.workers()) >= workers, told=f"{workers} workers")
        eventually(lambda: len(self.workers()) >= workers, told=f"{workers} titled workers")
        return self.workers()

    def staffed(self, workers: int) -> list[psutil.Process]:
        """Wait until so many workers live, and return them; sooner than ``up``, which waits for a beat."""
        eventually(lambda: len(self.workers()) >= workers, told=f"{workers} titled workers")
        return self.workers()

    def worker_of(self, job: Job) -> psutil.Process:
        """Wait until a worker shows that it runs the job, and return it."""
        found: list[psutil.Process] = []

        def shown() -> bool:
            found[:] = [p for p in self.workers() if job.id in _title(p)]
            return bool(found)

        eventually(shown, told=f"a worker to run {job!r}")
        return found[0]

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        return self.process.wait(timeout=PATIENCE)

    def output(self) -> str:
        """Wait for the end and return what was printed."""
        return self.process.communicate(timeout=PATIENCE)[0]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def noted(path: Path) -> list[str]:
    """Return what the jobs of an application have noted in a file so far, without the pids."""
    return [line.rpartition(" ")[0] for line in path.read_text().splitlines()] if path.exists() else []


def holds_lock(pid: int, path: Path) -> bool:
    """Return whether a process has an fcntl lock on a file to itself."""
    inode = f":{path.stat().st_ino}"
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any("WRITE" in lock and str(pid) in lock and lock[-3].endswith(inode) for lock in locks)


def gone(pid: int) -> bool:
    """Return whether a process has ended (a zombie has)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def farms(directory: Path) -> Iterator[Farm]:
    """Give a farm and close it."""
    farm = Farm(directory)
    try:
        yield farm
    finally:
        farm.close()
