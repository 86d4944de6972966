"""What a farm costs that has nothing to do: CPU time of its processes, and on PostgreSQL statements."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import psycopg

from benchmarks import servers
from benchmarks.figures import Figure, say
from benchmarks.peers.base import Contestant
from benchmarks.suite.size import Size

TITLE = "A farm that has nothing to do"
FARMS = (8, 64)
_SETTLING = 12.0
"""Seconds after the start that do not count: PostgreSQL counts what a session did up to ten seconds after it."""


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return shares of one CPU, in percent; and the transactions that the server counted, each a statement here."""
    figures = []
    for contestant in (one for one in contestants if one.name.startswith("forge-jobs")):
        for workers in FARMS[:1] if size.quick else FARMS:
            say(f"{TITLE}: {contestant.name}, {workers} workers")
            figures += _watched(contestant, workers, size.idle_seconds)
    return figures


def _watched(contestant: Contestant, workers: int, seconds: float) -> list[Figure]:
    on_server = contestant.store == "postgres"
    with contestant.ground() as arena, arena.farm(workers) as pids:
        time.sleep(_SETTLING)
        cpu, statements = _cpu(pids), _transactions() if on_server else 0
        time.sleep(seconds)
        cpu, statements = _cpu(pids) - cpu, (_transactions() - statements) if on_server else 0
    group, path = f"{TITLE}, {workers} workers", f"idle/{workers}/{contestant.name}"
    figures = [
        Figure(group=group, name=contestant.name, unit="%", rounds=[100 * cpu / seconds], key=f"{path}/cpu"),
    ]
    if on_server:
        figures.append(
            Figure(
                group=group, name=f"{contestant.name}, statements", unit="per s", rounds=[statements / seconds],
                key=f"{path}/statements",
            )
        )  # fmt: skip
    return figures


def _cpu(pids: Iterable[int]) -> float:
    """Return the seconds that all threads of the processes have run so far, by the scheduler's nanoseconds."""
    return sum(
        int(Path(thread, "schedstat").read_text().split()[0]) / 1e9
        for pid in pids
        for thread in Path(f"/proc/{pid}/task").iterdir()
    )


def _transactions() -> int:
    """Return how many transactions all databases of the server have ended, as its statistics say a moment later."""
    time.sleep(1.5)  # a session passes on its numbers once a second
    with psycopg.connect(servers.postgres().url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT sum(xact_commit + xact_rollback)::bigint FROM pg_stat_database WHERE datname LIKE 'bench_%'"
        ).fetchone()
        assert row is not None
        return int(row[0])
