"""What a farm costs that has nothing to do: CPU time, and how often it turns to its database."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import psutil

from benchmarks.figures import Figure, say
from benchmarks.peers.base import Contestant
from benchmarks.suite.farms import Farm, database
from benchmarks.suite.size import Size, ours
from benchmarks.suite.watching import Log, Statements, cpu, log_of, server_processes, statements_of

TITLE = "A farm that has nothing to do"
FARMS = (8, 64)
_SETTLING = 5.0
"""Seconds after the last worker has registered that do not count: a new farm has more to look after."""

_UNITS = {"cpu": "%", "server": "%", "commits": "per s", "statements": "per s"}


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Watch farms for four seconds, or for a minute, on all stores at the same time.

    CPU time is that of the supervisor, the coordinator and the workers together, in percent of one CPU; ``server`` that
    of the PostgreSQL server, its sessions' included. Statements are those that the server logs, or that our
    processes begin in SQLite; BEGIN, COMMIT and ROLLBACK are left out.
    """
    seconds = 4.0 if size.quick else 60.0
    figures = []
    for workers in FARMS:
        say(f"{TITLE}: {workers} workers, {seconds:g} s")
        figures += [
            Figure(
                group=f"{TITLE}, {workers} workers", name=f"{name}, {what}", unit=_UNITS[what], rounds=[each],
                key=f"idle/{workers}/{name}/{what}",
            )
            for name, used in _used(ours(contestants), workers, seconds).items()
            for what, each in used.items()
        ]  # fmt: skip
    return figures


class _Use(NamedTuple):
    """What was used up to a moment: seconds of CPU time, and numbers."""

    at: float
    cpu: float
    server: float
    commits: int
    statements: int


class _Watch:
    """Looks at what a farm, and the server it is on, have used so far."""

    def __init__(self, farm: Farm, log: Log, statements: Statements, *, on_server: bool) -> None:
        self._farm, self._log, self._statements, self._on_server = farm, log, statements, on_server
        self._crew: list[psutil.Process] = []
        self._backends: list[psutil.Process] = []

    def begin(self) -> None:
        """Take the processes that are there now for those that are watched."""
        self._crew, self._backends = self._farm.processes, server_processes() if self._on_server else []
        self._first = self._use()

    def end(self) -> dict[str, float]:
        """Return by name what was used per second, CPU time in percent; raises RuntimeError if processes changed."""
        last, first = self._use(), self._first
        if self._farm.processes != self._crew:
            raise RuntimeError("a process of the farm was replaced while it was watched")
        each = {name: getattr(last, name) - getattr(first, name) for name in _Use._fields}
        found = {"cpu": 100 * each["cpu"] / each["at"]}
        if self._on_server:
            found["server"] = 100 * each["server"] / each["at"]
        return found | {name: each[name] / each["at"] for name in ("commits", "statements")}

    def _use(self) -> _Use:
        commits, sent = self._log.written().commits, self._statements.so_far()
        return _Use(time.monotonic(), cpu(self._crew), cpu(self._backends), commits, sent)


def _used(contestants: Sequence[Contestant], workers: int, seconds: float) -> dict[str, dict[str, float]]:
    """Return by contestant what its farm uses. One that fails is told of in a line and left out."""
    with contextlib.ExitStack() as stack:
        watches: dict[str, _Watch] = {}
        for one in contestants:
            with _left_out(one.name):
                watches[one.name] = stack.enter_context(_watching(one, workers))
        time.sleep(_SETTLING)
        for watch in watches.values():
            watch.begin()
        time.sleep(seconds)
        found: dict[str, dict[str, float]] = {}
        for name, watch in watches.items():
            with _left_out(name):
                found[name] = watch.end()
        return found


@contextlib.contextmanager
def _watching(contestant: Contestant, workers: int) -> Iterator[_Watch]:
    with (
        database(contestant) as place,
        statements_of(place) as statements,
        place.farm(workers) as farm,
        log_of(place) as log,
    ):
        yield _Watch(farm, log, statements, on_server=contestant.store == "postgres")


@contextlib.contextmanager
def _left_out(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is: the others go on
        print(f"{name} is left out: {type(error).__name__}: {error}", file=sys.stderr)
