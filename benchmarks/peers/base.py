"""What a contestant is, and what can be done in the empty store that it provides."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

import msgspec

Store = Literal["sqlite", "postgres", "redis", "memory"]


class NoBulk(Exception):
    """The contestant documents no way to store many jobs by one call."""


class NotOnce(Exception):
    """A job was lost, or recorded more than once."""


class Job(msgspec.Struct, frozen=True):
    """One job: a function of ``benchmarks.jobs`` and what it is called with. ``number`` counts from 0 in its arena."""

    kind: Literal["nothing", "mark", "spin"]
    number: int
    turns: int = 0

    @property
    def arguments(self) -> dict[str, int]:
        """What the function is called with, by name."""
        match self.kind:
            case "nothing":
                return {}
            case "mark":
                return {"number": self.number}
            case "spin":
                return {"number": self.number, "turns": self.turns}


def expect(jobs: int, **counts: int) -> None:
    """Raise NotOnce unless each count, named for the message, is the number of jobs."""
    if any(count != jobs for count in counts.values()):
        found = ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items())
        raise NotOnce(f"{jobs} jobs were enqueued; {found}")


class Arena(Protocol):
    """An empty store of a contestant's own, and farms that work on it, one after the other."""

    def enqueue(self, job: Job) -> None:
        """Store one job, as durably as the contestant does by default."""

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        """Store many by the bulk call that is documented; raises NoBulk where there is none."""

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        """Have so many worker processes at work in the block, and give the pids of all processes of the farm.

        The block is entered when the workers wait for jobs, or have begun on those that are there. What was started
        has ended when the block is left; jobs that have not been begun stay.
        """

    def done(self) -> int:
        """Return how many jobs are recorded as done, counted in the store; in memory: how many results came back."""

    def recorded(self) -> list[float] | None:
        """Return when each job was recorded as done, as unix times by job number; None if the store does not say.

        Not the time that a worker writes into the row, which is earlier: the commit's own.
        """

    def check_once(self, jobs: int) -> None:
        """Raise NotOnce unless there were so many jobs and each was recorded once, as far as the store can tell."""


class Contestant(Protocol):
    """What a user would pick, with the fast configuration that it documents and its own default durability."""

    name: str
    store: Store
    durable: bool
    """Whether jobs outlive all processes; ``settings`` says what power loss may cost."""

    settings: str
    """The configuration used, in one line."""

    pace: int
    """About how many jobs that do nothing two workers finish in a second: to size backlogs by."""

    def missing(self) -> str | None:
        """Return why it cannot run here, or None."""

    def version(self) -> str:
        """Return the version that is installed."""

    def ground(self) -> AbstractContextManager[Arena]:
        """Give an empty store for the block, and remove it then."""
