"""Draining while some transaction elsewhere on the server holds a snapshot all the while."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import psycopg

from benchmarks import servers
from benchmarks.figures import Figure, say
from benchmarks.peers.base import Contestant, Job
from benchmarks.suite.size import Size
from benchmarks.suite.trials import taking_turns, until_done

TITLE = "Drain while a snapshot is held"
WORKERS = 2


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return the rate of a drain beside a held snapshot, in terms of the rate without one, just before it."""
    say(TITLE)
    ours = [one for one in contestants if one.store == "postgres" and one.name.startswith("forge-jobs")]
    found = taking_turns(size.rounds, ours, lambda one: _rate(one, size.held, held=True) / _rate(one, size.held))
    return [
        Figure(group=TITLE, name=name, unit="ratio", rounds=ratios, key=f"held/{name}")
        for name, ratios in found.items()
    ]


def _rate(contestant: Contestant, jobs: int, *, held: bool = False) -> float:
    with contestant.ground() as arena, ExitStack() as stack:
        if held:
            elsewhere = stack.enter_context(psycopg.connect(servers.postgres().url))  # another database of the server
            elsewhere.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            elsewhere.execute("SELECT txid_current()")
        arena.enqueue_bulk([Job("nothing", number) for number in range(jobs)])
        with arena.farm(WORKERS):
            rate = until_done(arena, jobs).rate
        arena.check_once(jobs)
        return rate
