"""What a farm costs that has nothing to do: CPU time, and how often it turns to its database."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from benchmarks.figures import Figure, say
from benchmarks.peers.base import Contestant
from benchmarks.suite.farms import database, ours
from benchmarks.suite.rounds import in_rounds
from benchmarks.suite.size import Size
from benchmarks.suite.watching import Statements, cpu, log_of, server_processes

TITLE = "A farm that has nothing to do"
FARMS = (8, 64)
_SETTLING = 3.0
"""Seconds after the last worker has registered that do not count."""

_UNITS = {"cpu": "% of a CPU", "server": "% of a CPU", "commits": "per s", "statements": "per s"}


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Watch farms for six seconds, or for a minute.

    CPU time is that of the supervisor, the coordinator and the workers together, in percent of one CPU; ``server`` that
    of the PostgreSQL server, its sessions' included. Statements are those that the server logs; SQLite tells nobody of
    its reads, so there only commits are counted.
    """
    seconds = 6.0 if size.quick else 60.0
    figures = []
    for workers in FARMS:
        say(f"{TITLE}: {workers} workers, {seconds:g} s")
        found = in_rounds(TITLE, ours(contestants), lambda _: 1, partial(_watched, workers=workers, seconds=seconds))
        figures += [
            Figure(
                group=f"{TITLE}, {workers} workers", name=f"{name}, {what}", unit=_UNITS[what],
                rounds=[use[what] for use in uses], key=f"idle/{workers}/{name}/{what}",
            )
            for name, uses in found.items()
            for what in uses[0]
        ]  # fmt: skip
    return figures


class _Use(NamedTuple):
    """What was used up to a moment: seconds of CPU time, and numbers."""

    at: float
    cpu: float
    server: float
    commits: int
    statements: int


def _watched(contestant: Contestant, workers: int, seconds: float) -> dict[str, float]:
    """Return by name what a farm uses per second, CPU time in percent."""
    on_server = contestant.store == "postgres"
    with database(contestant) as place:
        statements = Statements(place) if on_server else None
        with place.farm(workers) as farm, log_of(place) as log:
            time.sleep(_SETTLING)
            crew, backends = farm.processes, server_processes() if on_server else []

            def use() -> _Use:
                sent = statements.so_far() if statements else 0
                return _Use(time.monotonic(), cpu(crew), cpu(backends), log.written().commits, sent)

            before = use()
            time.sleep(seconds)
            after = use()
            if farm.processes != crew:
                raise RuntimeError("a process of the farm was replaced while it was watched")
    passed = after.at - before.at
    found = {"cpu": 100 * (after.cpu - before.cpu) / passed, "commits": (after.commits - before.commits) / passed}
    if on_server:
        found["server"] = 100 * (after.server - before.server) / passed
        found["statements"] = (after.statements - before.statements) / passed
    return found
