"""Draining beside rows that are in the way: finished, scheduled and pending ones."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial

from benchmarks.figures import Figure, say
from benchmarks.peers.base import Arena, Contestant, Job
from benchmarks.suite.database import (
    Crowd,
    Database,
    check_once_among,
    looked_into,
    newest,
    waiting,
)
from benchmarks.suite.rounds import in_rounds, until_done
from benchmarks.suite.size import Size, ours
from benchmarks.suite.waiting import until

TITLE = "Drain in a crowded table"
WORKERS = 2
Rates = Mapping[tuple[Crowd, int], list[float]]
"""Jobs per second of each round, by what was in the table and how many of it."""

CROWDS: tuple[Crowd, ...] = ("finished", "scheduled", "pending")


class Place:
    """One database with its crowd, that is drained again and again; the jobs of earlier rounds stay in it, done."""

    def __init__(self, arena: Arena, database: Database) -> None:
        self._arena = arena
        self._database = database
        self._measured = 0

    def rate(self, jobs: int) -> float:
        """Store jobs, which come before the crowd's, and return how many are done in a second."""
        before, last = self._arena.done(), newest(self._database)
        self._arena.enqueue_bulk([Job("nothing", number) for number in range(jobs)])
        self._measured += jobs
        with self._arena.farm(WORKERS):
            until_done(self._arena, before + jobs)  # some may be of the crowd: workers go on with it
            until(lambda: not waiting(self._database), "the measured jobs to end", every=0.01)
        check_once_among(self._database, self._measured)
        return self._database.drained(after=last).rate


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return the rates beside a crowd in terms of those in an empty table, and how they change as pending jobs grow."""
    found = in_rounds(TITLE, ours(contestants), lambda _: 1, partial(_rates, size))
    return [*_shares(size, found), *_growth(size, found)]


def _shares(size: Size, found: Mapping[str, list[Rates]]) -> list[Figure]:
    return [
        Figure(
            group=f"Drain beside {size.crowd:,} jobs, in terms of an empty table", name=f"{name}, {crowd}",
            unit="ratio", key=f"crowded/{name}/{crowd}",
            rounds=[one / empty for one, empty in zip(rates[crowd, size.crowd], rates["pending", 0], strict=True)],
        )
        for name, (rates,) in found.items()
        for crowd in CROWDS
    ]  # fmt: skip


def _growth(size: Size, found: Mapping[str, list[Rates]]) -> list[Figure]:
    return [
        Figure(
            group="Drain before so many pending jobs", name=f"{name}, {rows:,}", unit="jobs/s",
            rounds=rates["pending", rows], key=f"growth/{name}/{rows}" if rows else "",
        )
        for name, (rates,) in found.items()
        for rows in (0, *size.growth, size.crowd)
    ]  # fmt: skip


def _rates(size: Size, contestant: Contestant) -> Rates:
    """Fill a database for each crowd, once, and drain in all of them by turns."""
    wanted: list[tuple[Crowd, int]] = [("pending", rows) for rows in (0, *size.growth)]
    wanted += [(crowd, size.crowd) for crowd in CROWDS]
    found: dict[tuple[Crowd, int], list[float]] = {one: [] for one in wanted}
    with contextlib.ExitStack() as stack:
        places = {}
        for crowd, rows in wanted:
            say(f"{contestant.name}: {rows:,} {crowd} jobs are stored")
            arena = stack.enter_context(contestant.ground())
            database = stack.enter_context(looked_into(arena))
            if rows:
                database.fill(crowd, rows)
            places[crowd, rows] = Place(arena, database)
        say(f"{contestant.name}: draining beside them")
        for number in range(size.long_rounds):
            for one in wanted if number % 2 == 0 else reversed(wanted):
                found[one].append(places[one].rate(size.crowded_jobs))
    return found
