"""What happened, told by those to whom it happened.

The ledger is a file to which producers, operators, handlers and the killer append one line for each event, in one
write, so it is complete up to the instant at which any of them is killed. All are on one machine, by one clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

JUST_BEFORE = 1_000_000_000
"""Nanoseconds from the note of a kill to the death, at most; no pid comes again so soon."""


class Event(NamedTuple):
    """A line of the ledger: ``what`` happened to whom (a number or a job's id), in which process, and when (ns)."""

    what: str
    whom: str
    more: str
    pid: int
    at: int


def read(ledger: Path) -> Iterator[Event]:
    """Give the events in the order in which they were written; a line that a kill has cut is left out."""
    if not ledger.exists():
        return
    with ledger.open() as lines:
        for line in lines:
            fields = line.split()
            if len(fields) == 5 and line.endswith("\n"):
                yield Event(fields[0], fields[1], fields[2], int(fields[3]), int(fields[4]))


class Run(NamedTuple):
    """One attempt, as its handler told it.

    ``end`` is None where it did not come to its end, ``stopped`` where it was not stopped by an exception either.
    """

    attempt: int
    pid: int
    start: int
    end: int | None
    stopped: int | None


class History:
    """The events of a ledger, sorted by what they are about."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.offered: set[int] = set()
        self.stored: dict[int, str] = {}
        self.held: set[int] = set()
        self.frozen: set[int] = set()
        self.asked: dict[str, set[str]] = defaultdict(set)
        self.answers: dict[str, list[Event]] = defaultdict(list)
        self._kills: dict[int, list[int]] = defaultdict(list)
        self._starts: dict[str, list[Event]] = defaultdict(list)
        self._overs: dict[tuple[str, str, str, int], list[int]] = defaultdict(list)
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event.what:
            case "offer":
                self.offered.add(int(event.whom))
            case "ack":
                self.stored[int(event.whom)] = event.more
            case "held":  # a live job has its unique key
                self.held.add(int(event.whom))
            case "start":
                self._starts[event.whom].append(event)
            case "end" | "stop":  # by an exception
                self._overs[event.what, event.whom, event.more, event.pid].append(event.at)
            case "kill":
                self._kills[int(event.whom)].append(event.at)
            case "freeze":
                self.frozen.add(int(event.whom))
            case "ask":  # an operator something of a job
                self.asked[event.whom].add(event.more)
            case "answer":
                self.answers[event.whom].append(event)

    def runs(self, job_id: str) -> list[Run]:
        """Return the attempts of a job, by their beginning."""
        starts = sorted(self._starts.get(job_id, ()), key=lambda event: event.at)
        return [Run(int(s.more), s.pid, s.at, self._first("end", s), self._first("stop", s)) for s in starts]

    def _first(self, what: str, start: Event) -> int | None:
        """Return when an attempt had its end: who is retried by an operator has its numbers once more."""
        found = self._overs.get((what, start.whom, start.more, start.pid), ())
        return min((at for at in found if at >= start.at), default=None)

    def over(self, run: Run) -> int | None:
        """Return when a run was over: at its end, stopped, or when its process was killed; None where nobody knows.

        In a long history many processes have one pid, one after the other: the first kill from the run on is meant,
        which may have been noted just before the run began.
        """
        if run.end is not None or run.stopped is not None:
            return run.end or run.stopped
        return min((at for at in self._kills.get(run.pid, ()) if at > run.start - JUST_BEFORE), default=None)
