"""How soon a job stops that is cancelled, and runs again that lost its worker, its supervisor or its whole host.

The times are seen from outside, by a connection of the benchmark's own that looks every 2 ms.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import NamedTuple

import psutil

from benchmarks.figures import Figure, say
from benchmarks.peers.base import Contestant
from benchmarks.suite.farms import Database, Farm, database, environment
from benchmarks.suite.rounds import in_rounds
from benchmarks.suite.size import Size, ours
from benchmarks.suite.waiting import until

TITLE = "Stopping and recovery"
WORKERS = 2
_SETTLING = 0.2
"""Seconds for which a job runs before something happens to it."""

_LOOK = 0.002
_DEATH = 120.0
"""Seconds within which a job runs again: longer than it takes by default until a host is dead."""

_SHORTEST = 5
"""The smallest value of ``stale_after``, in seconds. Only PostgreSQL goes by it, and its default of a minute is
for full runs; SQLite's hosts hold a lock."""


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return milliseconds of a cancel, and seconds from a SIGKILL to what follows, as medians of each round."""
    figures = []
    for title, trial, times in (
        ("From a cancel to the recorded end of a loop in Python", _cancels, (3, 20)),
        ("From SIGKILL of a worker", _worker_killed, (2, 5)),
        ("From SIGKILL of a supervisor, with another one on the database", _supervisor_killed, (1, 2)),
        ("From SIGKILL of all processes of a farm at once, with another one on the database", _host_killed, (1, 1)),
        (
            f"The same, where a host is dead after {_SHORTEST} s without a beat instead of after 60",
            _host_killed_soon,
            (1, 1),
        ),
    ):
        say(title)
        number = times[0 if size.quick else 1]
        taking_part = _taking_part(trial, size, contestants)
        found = in_rounds(title, taking_part, lambda _: 1 if size.quick else 3, partial(trial, times=number))
        figures += [
            Figure(
                group=title, name=f"{name}, {what}", unit=_UNITS.get(key, "s"), rounds=[one[key] for one in each],
                key=f"stopping/{name}/{key}",
            )
            for name, each in found.items()
            for key, what in _TOLD.items()
            if key in each[0]
        ]  # fmt: skip
    return figures


def _taking_part(trial: _Trial, size: Size, contestants: Sequence[Contestant]) -> list[Contestant]:
    on_server = [one for one in ours(contestants) if one.store == "postgres"]
    if trial is _host_killed_soon:
        return [] if size.quick else on_server
    return [one for one in ours(contestants) if not (size.quick and trial is _host_killed and one in on_server)]


_Trial = Callable[[Contestant, int], dict[str, float]]
_UNITS = {"cancel": "ms"}
_TOLD = {
    "cancel": "dead",
    "worker_settled": "failed attempt recorded",
    "worker_again": "running again",
    "supervisor_gone": "its workers gone",
    "supervisor_settled": "failed attempt recorded",
    "supervisor_again": "running again",
    "host_settled": "failed attempt recorded",
    "host_again": "running again",
    "host_settled_soon": "failed attempt recorded",
    "host_again_soon": "running again",
}


def _medians(of: Callable[[], dict[str, float]], times: int) -> dict[str, float]:
    found = [of() for _ in range(times)]
    return {key: median(one[key] for one in found) for key in found[0]}


# -- cancel -------------------------------------------------------------------------------------------------------


def _cancels(contestant: Contestant, times: int) -> dict[str, float]:
    with database(contestant) as place, place.farm(WORKERS) as farm, place.client() as jobs:

        def once() -> dict[str, float]:
            job = jobs.enqueue("endless")
            place.busy()
            time.sleep(_SETTLING)
            start = time.time()
            if job.cancel() != "requested":
                raise RuntimeError("the job did not run when it was cancelled")
            ended = until(lambda: not place.rows(_UNFINISHED), "the job to be dead", every=_LOOK / 4)
            until(lambda: len(farm.workers) == WORKERS, "a new worker", every=0.02)
            time.sleep(_SETTLING)
            return {"cancel": (ended - start) * 1000}

        return _medians(once, times)


_UNFINISHED = "SELECT 1 FROM job WHERE status IN ('pending', 'in_progress', 'failed') LIMIT 1"


# -- crashes ------------------------------------------------------------------------------------------------------


class _Recovery(NamedTuple):
    settled: float
    again: float


class _Job:
    """A job that runs until it is killed, and that says at its second attempt when it started."""

    def __init__(self, place: Database, stack: contextlib.ExitStack) -> None:
        self._rows = place.rows
        self._before = self._failures()
        self._job = stack.enter_context(place.client()).enqueue("first_endless")
        self.worker = place.busy()
        time.sleep(_SETTLING)

    def _failures(self) -> int:
        ((failures,),) = self._rows("SELECT count(*) FROM job_error")
        return int(failures)

    def recovery(self, killed: float) -> _Recovery:
        """Wait for what is recorded of the first attempt, and for the second one; return the seconds since a kill."""
        settled = until(
            lambda: self._failures() > self._before, "the failed attempt to be recorded", every=_LOOK, within=_DEATH
        )
        started = self._job.result(timeout=_DEATH)
        if self._job.refresh().attempts != 2:
            raise RuntimeError("the job was not tried twice")
        return _Recovery(settled - killed, started - killed)


def _worker_killed(contestant: Contestant, times: int) -> dict[str, float]:
    with database(contestant) as place, place.farm(WORKERS) as farm:

        def once() -> dict[str, float]:
            with contextlib.ExitStack() as stack:
                job = _Job(place, stack)
                killed = time.time()
                job.worker.kill()
                found = job.recovery(killed)
            until(lambda: len(farm.workers) == WORKERS, "a new worker", every=0.02)
            return {"worker_settled": found.settled, "worker_again": found.again}

        return _medians(once, times)


def _supervisor_killed(contestant: Contestant, times: int) -> dict[str, float]:
    def once() -> dict[str, float]:
        with _two_farms(contestant) as (job, farm):
            workers = farm.workers
            killed = time.time()
            farm.supervisor.kill()
            gone = until(lambda: not any(map(_lives, workers)), "its workers to be gone", every=_LOOK) - killed
            found = job.recovery(killed)
        return {"supervisor_gone": gone, "supervisor_settled": found.settled, "supervisor_again": found.again}

    return _medians(once, times)


def _host_killed_soon(contestant: Contestant, times: int) -> dict[str, float]:
    with environment(FORGE_STALE_AFTER=str(_SHORTEST)):
        return {f"{key}_soon": seconds for key, seconds in _host_killed(contestant, times).items()}


def _host_killed(contestant: Contestant, times: int) -> dict[str, float]:
    def once() -> dict[str, float]:
        with _two_farms(contestant) as (job, farm):
            crew = farm.processes
            for process in crew:
                process.suspend()  # so that nobody sees another one die, and acts
            killed = time.time()
            for process in crew:
                os.kill(process.pid, signal.SIGKILL)
            found = job.recovery(killed)
        return {"host_settled": found.settled, "host_again": found.again}

    return _medians(once, times)


@contextlib.contextmanager
def _two_farms(contestant: Contestant) -> Iterator[tuple[_Job, Farm]]:
    """Have a farm that runs a job, and then another one on the same database."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(database(contestant))
        first = stack.enter_context(place.farm(WORKERS))
        job = _Job(place, stack)
        stack.enter_context(place.farm(WORKERS))
        time.sleep(_SETTLING)
        yield job, first


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
