"""A process that enqueues until it is told to stop, and notes what it offers and what is acknowledged.

Run as a program with the application's module on its path; killed at any moment, and started again by the torture.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from forge_jobs import ForgeJobs, Job
from forge_jobs.errors import DatabaseError
from tests.support.until import until

BACKLOG = 1500
"""Jobs that wait, at which a producer waits too: the drain at the end is to be short."""

SMALL_BACKLOG = 20
"""The same in a soak, where the wait of a job is to be that of a farm that keeps up."""

PATIENCE = 3600.0

Drawn = tuple[str, dict[str, Any], dict[str, Any]]
"""A kind, a payload, and what else is said of the job."""

KINDS = {
    "mixed": {
        "compute": 35, "sleep": 15, "transact": 12, "limited": 12, "tenant": 6, "later": 6, "fail": 4, "chain": 4,
        "unique": 4, "brief": 1, "overrun": 1,
    },
    "tiny": {"compute": 1},
    "slow": {"compute": 1, "sleep": 2, "limited": 1},
}  # fmt: skip
"""Workloads: kinds of jobs and how often each comes. Three are ways to enqueue: for later, with a unique key, or for a
short time, after which nobody wants the job any more."""

TENANTS = ("a", "b", "c")

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
            for number, job in zip(batch, _enqueued([_drawn(workload, n, chance) for n in batch]), strict=True):
                note("held" if job.deduplicated else "ack", number, job.id)


def _enqueued(batch: Sequence[Drawn]) -> Sequence[Job]:
    from tortured_application import jobs

    if len(batch) > 1:
        return jobs.enqueue_bulk(batch)
    ((kind, payload, options),) = batch
    return [jobs.enqueue(kind, payload, **options)]


def _is_short(jobs: ForgeJobs, backlog: int) -> bool:
    with contextlib.suppress(DatabaseError):
        return _backlog(jobs) < backlog
    return False


def _backlog(jobs: ForgeJobs) -> int:
    counts = jobs.counts().get("default")
    return counts.pending + counts.scheduled + counts.failed if counts else 0


def _drawn(workload: str, number: int, chance: random.Random) -> Drawn:
    kinds = KINDS[workload]
    (kind,) = chance.choices(list(kinds), list(kinds.values()))
    payload = {"number": number, "milliseconds": round(chance.uniform(*MILLISECONDS[workload]), 2)}
    match kind:
        case "later":
            return "compute", payload, {"delay": chance.uniform(0, 2)}
        case "unique":
            return "sleep", payload, {"unique_key": f"key-{number % 7}"}
        case "brief":
            return "sleep", payload, {"expires_at": datetime.now(UTC) + timedelta(seconds=chance.uniform(0.01, 2))}
        case "tenant":
            return kind, payload | {"tenant": chance.choice(TENANTS)}, {}
    return kind, payload, {}


def main() -> None:
    """Produce numbers ``first``, ``first + 1``, …; arguments: first, file that says stop, workload, seed, backlog."""
    first, stop, workload, seed, backlog = sys.argv[1:]
    produce(itertools.count(int(first)), Path(stop), workload, random.Random(seed), int(backlog))


if __name__ == "__main__":
    main()
