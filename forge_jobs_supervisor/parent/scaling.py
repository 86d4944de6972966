"""Which workers leave: the ones too many, and those that are due for a new one. Decides, and tells nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Standing(NamedTuple):
    """One worker as the decision sees it: since when it does what it does, how old it is, what memory it has."""

    pid: int
    idle: bool
    since: float
    age: float = 0.0
    memory: int = 0
    retiring: bool = False


class Wear(NamedTuple):
    """When a worker is due for a new one: seconds, bytes; None: never."""

    age: float | None = None
    memory: int | None = None


UNWORN = Wear()


def surplus(workers: Sequence[Standing], target: int) -> list[int]:
    """Return the pids of the workers that are too many, idlest first: the idle longest, then who began its job last."""
    idlest = sorted(workers, key=lambda w: (not w.idle, w.since if w.idle else -w.since))
    return [worker.pid for worker in idlest[: max(len(workers) - target, 0)]]


def worn(workers: Sequence[Standing], wear: Wear) -> int | None:
    """Return the pid of the one worker of a queue that leaves now for its age or memory; None: nobody.

    One at a time, so that a queue never loses all its workers at once; an idle one first, then the oldest.
    """
    if any(worker.retiring for worker in workers):
        return None
    due = [
        worker
        for worker in workers
        if (wear.age is not None and worker.age >= wear.age)
        or (wear.memory is not None and worker.memory >= wear.memory)
    ]
    return min(due, key=lambda w: (not w.idle, -w.age)).pid if due else None


def first_allowance(most: int | None, number: int, of: int) -> int | None:
    """Return after how many jobs a queue's first worker number ``number`` leaves; later ones after ``most``.

    The first lives are of different lengths, so that workers which run the same jobs do not all leave together.
    """
    return None if most is None else max(most * number // max(of, 1), 1)
