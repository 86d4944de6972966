"""Draining while a transaction elsewhere holds a snapshot, so that nothing that has died since can be cleared away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import psycopg

from benchmarks.figures import Figure, say
from benchmarks.peers.base import Contestant, Job
from benchmarks.suite.database import looked_into, url_of
from benchmarks.suite.rounds import in_rounds, until_done
from benchmarks.suite.size import Size, ours

TITLE = "Drain while a snapshot is held"
WORKERS = 2


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return the rate of a drain with a snapshot held from before its backlog was stored, over that of one without."""
    say(TITLE)
    on_server = [one for one in ours(contestants) if one.store == "postgres"]
    found = in_rounds(TITLE, on_server, lambda _: size.long_rounds, lambda one: _pair(one, size.held_jobs))
    figures = []
    for name, rounds in found.items():
        normal, held = zip(*rounds, strict=True)
        shares = [one / other for one, other in zip(held, normal, strict=True)]
        group = f"Drain of {size.held_jobs:,} no-op jobs, {WORKERS} workers"
        figures += [
            Figure(group=group, name=f"{name}, nothing held", unit="jobs/s", rounds=normal),
            Figure(group=group, name=f"{name}, a snapshot held", unit="jobs/s", rounds=held),
            Figure(group=TITLE, name=name, unit="ratio", rounds=shares, key=f"held/{name}"),
        ]
    return figures


def _pair(contestant: Contestant, jobs: int) -> tuple[float, float]:
    return _rate(contestant, jobs, held=False), _rate(contestant, jobs, held=True)


def _rate(contestant: Contestant, jobs: int, *, held: bool) -> float:
    with contestant.ground() as arena, looked_into(arena) as database:
        with _snapshot(url_of(arena)) if held else contextlib.nullcontext():
            arena.enqueue_bulk([Job("nothing", number) for number in range(jobs)])
            with arena.farm(WORKERS):
                until_done(arena, jobs)
        arena.check_once(jobs)
        return database.drained(after=0).rate


@contextlib.contextmanager
def _snapshot(url: str) -> Iterator[None]:
    """Hold one in the same database: one in another database would be in nobody's way."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT 1")
        yield
