"""What happened, told by those to whom it happened, and the checker that holds it against the database.

After the total-queue checker of Jepsen: what was acknowledged must come out, what comes out must have been put in, and
nothing twice. The ledger is a file to which producers, handlers and the killer append one line for each event, in one
write, so it is complete up to the instant at which any of them is killed. All are on one machine, by one clock.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from forge_jobs.model.job import JobRecord
from forge_jobs.model.states import FINISHED, Cause

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
    """One attempt, as its handler told it. ``end`` is None where it did not come to its end."""

    attempt: int
    pid: int
    start: int
    end: int | None


class Verdict(msgspec.Struct, kw_only=True):
    """The figures of a history, and what is wrong with it; all lists are empty where the promises hold.

    ``maybe`` counts jobs whose enqueue was not answered before its producer was killed: they may be there or not.
    """

    offered: int = 0
    acknowledged: int = 0
    maybe: int = 0
    done: int = 0
    dead: int = 0
    attempts: int = 0
    cut_short: int = 0
    lost: list[str] = []
    unexpected: list[str] = []
    duplicated: list[str] = []
    overlapping: list[str] = []
    untold: list[str] = []
    breaches: list[str] = []
    gaps: list[str] = []

    @property
    def wrong(self) -> list[str]:
        """Return everything that is wrong, in words."""
        kinds = ("lost", "unexpected", "duplicated", "overlapping", "untold", "breaches", "gaps")
        return [f"{kind}: {told}" for kind in kinds for told in getattr(self, kind)]


class History:
    """The events of a ledger, sorted by what they are about."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.offered: set[int] = set()
        self.stored: dict[int, str] = {}
        self.held: set[int] = set()
        self._kills: dict[int, list[int]] = defaultdict(list)
        self.freezes = 0
        self._starts: dict[str, list[Event]] = defaultdict(list)
        self._ends: dict[tuple[str, str, int], int] = {}
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
            case "end":
                self._ends[event.whom, event.more, event.pid] = event.at
            case "kill":
                self._kills[int(event.whom)].append(event.at)
            case "freeze":
                self.freezes += 1

    def runs(self, job_id: str) -> list[Run]:
        """Return the attempts of a job, by their beginning."""
        starts = sorted(self._starts.get(job_id, ()), key=lambda event: event.at)
        return [Run(int(s.more), s.pid, s.at, self._ends.get((job_id, s.more, s.pid))) for s in starts]

    def over(self, run: Run) -> int | None:
        """Return when a run was over: at its end, or when its process was killed; None where nobody knows.

        In a long history many processes have one pid, one after the other: the first kill from the run on is meant,
        which may have been noted just before the run began.
        """
        if run.end is not None:
            return run.end
        return min((at for at in self._kills.get(run.pid, ()) if at > run.start - JUST_BEFORE), default=None)


def check(
    history: History,
    jobs: Sequence[tuple[int | None, JobRecord]],
    *,
    effects: Mapping[int, int] | None = None,
    places: Mapping[str, int] | None = None,
    fires: Mapping[int, str | None] | None = None,
) -> Verdict:
    """Hold a history against all jobs of the database, each with the number that its payload names.

    ``effects`` counts the committed effects of each job of kind ``transact``; ``places`` says how many jobs of a kind
    may run at once; ``fires`` has the job of each instant at which the schedule of every second has fired, None where
    clocks were set: no second is due then in particular. Nothing is running any more, and nothing was removed.
    """
    verdict = Verdict(offered=len(history.offered), acknowledged=len(history.stored))
    verdict.maybe = len(history.offered - history.stored.keys() - history.held)
    _check_contents(verdict, history, jobs)
    for _number, job in jobs:
        _check_attempts(verdict, history, job)
    _check_effects(verdict, jobs, effects)
    for kind, most in (places or {}).items():
        _check_places(verdict, history, [job for _number, job in jobs if job.kind == kind], kind, most)
    if fires is not None:
        _check_ticks(verdict, [job for _number, job in jobs if job.kind == "tick"], fires)
    return verdict


def _check_contents(verdict: Verdict, history: History, jobs: Sequence[tuple[int | None, JobRecord]]) -> None:
    there = Counter(number for number, _job in jobs if number is not None)
    ids = {job.id for _number, job in jobs}
    verdict.lost += [
        f"job {job_id} (number {number}) was acknowledged and is not there"
        for number, job_id in history.stored.items()
        if job_id not in ids
    ]
    verdict.unexpected += [f"number {number} was never offered" for number in there if number not in history.offered]
    verdict.duplicated += [f"number {n} is there {times} times" for n, times in there.items() if times > 1]
    for _number, job in jobs:
        if job.status not in FINISHED:
            verdict.lost.append(f"job {job.id} ({job.kind}) has not ended: it is {job.status}, gate {job.gate}")
    verdict.done = sum(job.status == "done" for _number, job in jobs)
    verdict.dead = sum(job.status == "dead" for _number, job in jobs)


def _check_attempts(verdict: Verdict, history: History, job: JobRecord) -> None:
    """Each attempt is told of once; two of one job never run at once, unless the first had lost its lease."""
    runs = history.runs(job.id)
    verdict.attempts += len(runs)
    verdict.cut_short += sum(run.end is None for run in runs)
    if job.status == "done" and not any(run.end is not None for run in runs) and job.kind != "transact":
        verdict.untold.append(f"job {job.id} ({job.kind}) is done, but no attempt came to its end")
    if len(runs) > job.attempts and not history.freezes:
        verdict.untold.append(f"job {job.id} began {len(runs)} times, and {job.attempts} attempts are on record")
    lost = sum(entry.cause is Cause.LOST for entry in job.error_history)
    for one, other in itertools.pairwise(runs):
        until = history.over(one)
        if until is not None and other.start < until and not lost:
            early = (until - other.start) / 1e6
            verdict.overlapping.append(f"job {job.id}: attempt {other.attempt} began {early:.1f} ms before {one} ended")


def _check_effects(
    verdict: Verdict, jobs: Sequence[tuple[int | None, JobRecord]], effects: Mapping[int, int] | None
) -> None:
    """What a job commits together with its end is there once if it is done, and not if it is not."""
    if effects is None:
        return
    for number, job in jobs:
        if job.kind == "transact" and number is not None:
            found, wanted = effects.get(number, 0), int(job.status == "done")
            if found != wanted:
                verdict.duplicated.append(f"job {job.id} ({number}) is {job.status} and has had {found} effects")


def _check_places(verdict: Verdict, history: History, jobs: Sequence[JobRecord], kind: str, most: int) -> None:
    """Count how many run at each moment; one that was killed runs until its killer says so."""
    edges: list[tuple[int, int]] = []
    for job in jobs:
        for run in history.runs(job.id):
            until = history.over(run)
            if until is not None and until > run.start:
                edges += [(run.start, 1), (until, -1)]
    running = worst = 0
    for _at, step in sorted(edges):
        running += step
        worst = max(worst, running)
    if worst > most:
        verdict.breaches.append(f"{worst} jobs of kind {kind} ran at once, and {most} may")


def _check_ticks(verdict: Verdict, jobs: Sequence[JobRecord], fires: Mapping[int, str | None]) -> None:
    """A schedule of every second has fired at each of them, and made one job each time."""
    seconds = {instant // 1_000_000 for instant in fires}
    if seconds:
        verdict.gaps += [f"second {s} has not fired" for s in range(min(seconds), max(seconds)) if s not in seconds]
    made = Counter(fires.values())
    verdict.duplicated += [f"job {job_id} was made by {times} fires" for job_id, times in made.items() if times > 1]
    verdict.unexpected += [f"job {job.id} was made by no fire" for job in jobs if job.id not in made]
    there = {job.id for job in jobs}
    verdict.lost += [f"the job of second {at // 1_000_000} is not there" for at, i in fires.items() if i not in there]
