"""How contestants take turns, and how one waits for what they do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from benchmarks.peers.base import Arena, Contestant, Job, NoBulk, NotOnce
from benchmarks.suite.size import is_ours
from benchmarks.suite.waiting import PATIENCE

T = TypeVar("T")


class Sample(NamedTuple):
    """How many jobs were recorded as done at an instant."""

    done: int
    at: float


def in_rounds(
    what: str,
    contestants: Sequence[Contestant],
    rounds_of: Callable[[Contestant], int],
    trial: Callable[[Contestant], T],
) -> dict[str, list[T]]:
    """Let each run ``trial`` once a round, each round in the opposite order; return what it gave, by name.

    One that fails is told of in a line and left out altogether. A job of ours that was not recorded exactly once ends
    it all: NotOnce.
    """
    found: dict[str, list[T]] = {contestant.name: [] for contestant in contestants}
    for number in range(max(map(rounds_of, contestants), default=0)):
        going = [one for one in contestants if one.name in found and number < rounds_of(one)]
        for contestant in going if number % 2 == 0 else reversed(going):
            try:
                found[contestant.name].append(trial(contestant))
            except Exception as error:  # whatever a peer raises: the others go on
                if isinstance(error, NotOnce) and is_ours(contestant):
                    raise
                print(f"{contestant.name} is left out of {what}: {_in_a_line(error)}", file=sys.stderr)
                del found[contestant.name]
    return {name: results for name, results in found.items() if results}


def _in_a_line(error: Exception) -> str:
    """Return what an error says; of many lines, as of a farm's log, the first and the last, which names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " … ".join([type(error).__name__, *lines[:1], *lines[1:][-1:]])


def store(arena: Arena, jobs: Sequence[Job]) -> None:
    """Enqueue jobs, in bulk where there is a way."""
    try:
        arena.enqueue_bulk(jobs)
    except NoBulk:
        for job in jobs:
            arena.enqueue(job)


def samples(arena: Arena, jobs: int, *, every: float) -> Iterator[Sample]:
    """Look every so many seconds until so many jobs are recorded as done; yield what is seen, the last look too.

    Raises TimeoutError when nothing has moved for PATIENCE.
    """
    best, moved = -1, time.monotonic()
    while True:
        seen = Sample(arena.done(), time.monotonic())
        yield seen
        if seen.done >= jobs:
            return
        if seen.done > best:
            best, moved = seen.done, seen.at
        elif seen.at - moved > PATIENCE:
            raise TimeoutError(f"{seen.done} of {jobs} jobs were done, and then none for {PATIENCE:g} s")
        time.sleep(every)


def until_done(arena: Arena, jobs: int, *, every: float = 0.05) -> None:
    """Wait until so many jobs are recorded as done: rarely looking, since every look costs the store something."""
    for _ in samples(arena, jobs, every=every):
        pass
