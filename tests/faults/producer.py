"""A process that enqueues until it is told to stop, and notes what it offers and what is acknowledged.

Run as a program with the application's module on its path; killed at any moment, and started again by the torture.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from forge_jobs import ForgeJobs
from forge_jobs.errors import DatabaseError
from tests.support.until import until

BACKLOG = 1500
"""Jobs that wait, at which a producer waits too: the drain at the end is to be short."""

SMALL_BACKLOG = 20
"""The same in a soak, where the wait of a job is to be that of a farm that keeps up."""

PATIENCE = 3600.0

KINDS = {
    "mixed": {
        "compute": 30, "sleep": 15, "fail": 10, "limited": 10, "transact": 10, "chain": 5, "later": 10, "unique": 10,
    },
    "tiny": {"compute": 1},
    "slow": {"compute": 1, "sleep": 2, "limited": 1},
}  # fmt: skip
"""Workloads: kinds of jobs and how often each comes. Two are ways to enqueue: for later, and with a unique key."""

MILLISECONDS = {"mixed": (0.0, 10.0), "tiny": (0.0, 0.0), "slow": (20.0, 200.0)}


def produce(numbers: Iterator[int], stop: Path, workload: str, chance: random.Random, backlog: int) -> None:
    """Enqueue one by one, or some at once. What ends in an error may be stored or not: go on with the next."""
    from tortured_application import jobs, note

    while not stop.exists():
        until(lambda: stop.exists() or _is_short(jobs, backlog), within=PATIENCE, told="the backlog to be worked off")
        batch = list(itertools.islice(numbers, chance.choice((1, 1, 1, 2, 20, 100))))
        for number in batch:
            note("offer", number)
        with contextlib.suppress(DatabaseError):
            if len(batch) == 1:
                _enqueue_one(workload, batch[0], chance)
            else:
                _enqueue_all(workload, batch, chance)


def _enqueue_one(workload: str, number: int, chance: random.Random) -> None:
    from tortured_application import jobs, note

    kind, options = _drawn(workload, number, chance)
    job = jobs.enqueue(kind, _payload(workload, number, chance), **options)
    note("held" if job.deduplicated else "ack", number, job.id)


def _enqueue_all(workload: str, batch: Sequence[int], chance: random.Random) -> None:
    from tortured_application import jobs, note

    kinds = ("compute", "sleep", "transact") if workload == "mixed" else ("compute",)
    bulk = [(chance.choice(kinds), _payload(workload, number, chance)) for number in batch]
    for number, job in zip(batch, jobs.enqueue_bulk(bulk), strict=True):
        note("ack", number, job.id)


def _is_short(jobs: ForgeJobs, backlog: int) -> bool:
    with contextlib.suppress(DatabaseError):
        return _backlog(jobs) < backlog
    return False


def _backlog(jobs: ForgeJobs) -> int:
    counts = jobs.counts().get("default")
    return counts.pending + counts.scheduled + counts.failed if counts else 0


def _payload(workload: str, number: int, chance: random.Random) -> dict[str, Any]:
    return {"number": number, "milliseconds": round(chance.uniform(*MILLISECONDS[workload]), 2)}


def _drawn(workload: str, number: int, chance: random.Random) -> tuple[str, dict[str, Any]]:
    kinds = KINDS[workload]
    (kind,) = chance.choices(list(kinds), list(kinds.values()))
    if kind == "later":
        return "compute", {"delay": chance.uniform(0, 2)}
    if kind == "unique":
        return "sleep", {"unique_key": f"key-{number % 7}"}
    return kind, {}


def main() -> None:
    """Produce numbers ``first``, ``first + 1``, …; arguments: first, file that says stop, workload, seed, backlog."""
    first, stop, workload, seed, backlog = sys.argv[1:]
    produce(itertools.count(int(first)), Path(stop), workload, random.Random(seed), int(backlog))


if __name__ == "__main__":
    main()
