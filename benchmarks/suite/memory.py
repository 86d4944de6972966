"""What each worker has of its own beside a heavy application that the supervisor loads before it forks."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.figures import Figure, say
from benchmarks.peers.base import Contestant
from benchmarks.suite import application_heavy
from benchmarks.suite.farms import database
from benchmarks.suite.rounds import in_rounds
from benchmarks.suite.size import Size, ours
from benchmarks.suite.waiting import until
from benchmarks.suite.watching import Memory, memory

TITLE = "Memory of a worker"
WORKERS = 4
JOBS = 200


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return the medians over the workers of what is private and what is shared, once they have run some jobs."""
    say(TITLE)
    found = in_rounds(TITLE, ours(contestants), lambda _: 1 if size.quick else 3, _weighed)
    return [
        Figure(
            group=f"{TITLE}, {application_heavy.MEGABYTES} MB of objects loaded before the fork, after {JOBS} jobs",
            name=f"{name}, {what}", unit="MB", rounds=[getattr(one, what) for one in rounds],
            key=f"memory/{name}/{what}",
        )
        for name, rounds in found.items()
        for what in Memory._fields
    ]  # fmt: skip


def _weighed(contestant: Contestant) -> Memory:
    with database(contestant) as place, place.farm(WORKERS, application_heavy.__name__) as farm, place.client() as jobs:
        jobs.enqueue_bulk([("nothing", {})] * JOBS)
        until(lambda: place.done() == JOBS, "all jobs to end", every=0.02)
        found = [memory(worker) for worker in farm.workers]
    if len(found) != WORKERS:
        raise RuntimeError(f"{len(found)} of {WORKERS} workers were there")
    return Memory(private=median(one.private for one in found), shared=median(one.shared for one in found))
