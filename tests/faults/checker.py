"""The checker that holds a history against the database.

After the total-queue checker of Jepsen: what was acknowledged must come out, what comes out must have been put in, and
nothing twice.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from forge_jobs.model.job import ERROR_HISTORY_LIMIT, JobRecord
from forge_jobs.model.states import FINISHED, Cause
from tests.faults.history import History, Run

Numbered = Sequence[tuple[int | None, JobRecord]]
"""All jobs of the database, each with the number that its payload names."""


class Verdict(msgspec.Struct, kw_only=True):
    """The figures of a history, and what is wrong with it; all lists are empty where the promises hold.

    ``maybe`` counts jobs whose enqueue was not answered before its producer was killed: they may be there or not.
    ``deleted`` counts those that an operator has removed.
    """

    offered: int = 0
    acknowledged: int = 0
    maybe: int = 0
    deleted: int = 0
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


def check(
    history: History,
    jobs: Numbered,
    *,
    effects: Mapping[int, int] | None = None,
    places: Mapping[str, int] | None = None,
    fires: Mapping[int, str | None] | None = None,
    every_second: bool = True,
    leases: bool = False,
) -> Verdict:
    """Hold a history against all jobs of the database.

    ``effects`` counts the committed effects of each job of kind ``transact``; ``places`` says how many jobs of a kind
    may run at once, or of each concurrency key of the kind ``tenant``; ``fires`` has the job of each instant at which
    the schedule of every second has fired, ``every_second`` unless clocks were set. ``leases`` says whether a host that
    is silent may be taken for dead while it lives. Nothing is running any more.
    """
    verdict = Verdict(offered=len(history.offered), acknowledged=len(history.stored))
    verdict.maybe = len(history.offered - history.stored.keys() - history.held)
    _check_contents(verdict, history, jobs)
    for number, job in jobs:
        runs = history.runs(job.id)
        verdict.attempts += len(runs)
        verdict.cut_short += sum(run.end is None for run in runs)
        _check_end(verdict, history, number, job)
        _check_attempts(verdict, history, job, runs)
        _check_overlaps(verdict, history, job, runs, leases=leases)
        _check_operators(verdict, history, job, runs)
    _check_effects(verdict, jobs, effects)
    for group, most in (places or {}).items():
        for told, members in _groups(group, jobs).items():
            _check_places(verdict, history, members, told, most, leases=leases)
    if fires is not None:
        _check_ticks(verdict, [job for _number, job in jobs if job.kind == "tick"], fires, every_second=every_second)
    return verdict


def _check_contents(verdict: Verdict, history: History, jobs: Numbered) -> None:
    there = Counter(number for number, _job in jobs if number is not None)
    ids = {job.id for _number, job in jobs}
    for number, job_id in history.stored.items():
        if job_id not in ids:
            if "delete" in history.asked.get(job_id, ()):
                verdict.deleted += 1
            else:
                verdict.lost.append(f"job {job_id} (number {number}) was acknowledged and is not there")
    verdict.unexpected += [f"number {number} was never offered" for number in there if number not in history.offered]
    verdict.unexpected += [
        f"number {number} was acknowledged as job {history.stored[number]}, and is job {job.id}"
        for number, job in jobs
        if number is not None and history.stored.get(number, job.id) != job.id
    ]
    verdict.duplicated += [f"number {n} is there {times} times" for n, times in there.items() if times > 1]
    for _number, job in jobs:
        if job.status not in FINISHED:
            verdict.lost.append(f"job {job.id} ({job.kind}) has not ended: it is {job.status}, gate {job.gate}")
    verdict.done = sum(job.status == "done" for _number, job in jobs)
    verdict.dead = sum(job.status == "dead" for _number, job in jobs)


def _check_end(verdict: Verdict, history: History, number: int | None, job: JobRecord) -> None:
    """What is done has its own result; what is dead has a reason for it that this kind of job can have."""
    if job.status == "done" and number is not None and json.loads(job.result or b"null") != number:
        verdict.untold.append(f"job {job.id} ({job.kind}, {number}) is done with the result {job.result!r}")
    if job.status == "dead" and not _may_be_dead(history, job):
        last = job.error_history[-1] if job.error_history else None
        verdict.lost.append(f"job {job.id} ({job.kind}) is dead after {job.attempts} attempts: {last}")
    if job.kind == "fail" and job.status == "done" and (number is None or number % 3 == 0 or job.attempts < 2):
        verdict.untold.append(f"job {job.id} (fail, {number}) is done after {job.attempts} attempts")


def _may_be_dead(history: History, job: JobRecord) -> bool:
    cause = job.error_history[-1].cause if job.error_history else None
    if cause is Cause.CANCELLED:
        return "cancel" in history.asked.get(job.id, ())
    if cause is Cause.EXPIRED:
        return job.expires_at is not None
    return job.kind == "fail" and job.attempts == job.max_attempts


def _check_attempts(verdict: Verdict, history: History, job: JobRecord, runs: Sequence[Run]) -> None:
    """Each attempt began once, and has its line in the error history or is the one that succeeded.

    A process that stood still past its lease may begin once more what it held: its end is refused. And whoever is
    retried by an operator begins to count anew.
    """
    if job.status == "done" and job.kind != "transact" and not any(run.end is not None for run in runs):
        verdict.untold.append(f"job {job.id} ({job.kind}) is done, but no attempt came to its end")
    if "retry" in history.asked.get(job.id, ()) or any(run.pid in history.frozen for run in runs):
        return
    if len(runs) > job.attempts:
        verdict.untold.append(f"job {job.id} began {len(runs)} times, and {job.attempts} attempts are on record")
    told = {entry.attempt for entry in job.error_history}
    if job.status == "done":
        told.add(job.attempts)
    oldest = min(told) if len(job.error_history) >= ERROR_HISTORY_LIMIT else 0
    for attempt, times in Counter(run.attempt for run in runs).items():
        if times > 1:
            verdict.duplicated.append(f"attempt {attempt} of job {job.id} ({job.kind}) began {times} times")
        if attempt >= oldest and attempt not in told and job.status in FINISHED:
            verdict.duplicated.append(f"attempt {attempt} of job {job.id} ({job.kind}) left no trace: {job.status}")


def _check_overlaps(verdict: Verdict, history: History, job: JobRecord, runs: Sequence[Run], *, leases: bool) -> None:
    """Two attempts of one job never run at once, unless the first had lost its lease."""
    lost = _lost_leases(job) if leases else set()
    for one, other in itertools.pairwise(runs):
        until = history.over(one)
        if until is not None and other.start < until and not lost & {one.attempt, other.attempt}:
            early = (until - other.start) / 1e6
            verdict.overlapping.append(f"job {job.id}: attempt {other.attempt} began {early:.1f} ms before {one} ended")


def _lost_leases(job: JobRecord) -> set[int]:
    return {entry.attempt for entry in job.error_history if entry.cause is Cause.LOST}


def _check_operators(verdict: Verdict, history: History, job: JobRecord, runs: Sequence[Run]) -> None:
    """What an operator was told of a job is so: who is removed is gone, who is cancelled does not begin any more."""
    if "retry" in history.asked.get(job.id, ()):
        return
    for answer in history.answers.get(job.id, ()):
        if answer.more == "delete-True":
            verdict.unexpected.append(f"job {job.id} was removed, and is there")
        if answer.more != "cancel-cancelled":
            continue
        if job.status != "dead":
            verdict.untold.append(f"job {job.id} was cancelled before it ran, and is {job.status}")
        if any(run.start > answer.at and run.pid not in history.frozen for run in runs):
            verdict.untold.append(f"job {job.id} began after it had been cancelled")


def _check_effects(verdict: Verdict, jobs: Numbered, effects: Mapping[int, int] | None) -> None:
    """What a job commits together with its end is there once if it is done, and not if it is not."""
    if effects is None:
        return
    for number, job in jobs:
        if job.kind == "transact" and number is not None:
            found, wanted = effects.get(number, 0), int(job.status == "done")
            if found != wanted:
                verdict.duplicated.append(f"job {job.id} ({number}) is {job.status} and has had {found} effects")


def _groups(kind: str, jobs: Numbered) -> Mapping[str, list[JobRecord]]:
    """Return the jobs of a kind that share places, by what one calls them."""
    groups: dict[str, list[JobRecord]] = {}
    for _number, job in jobs:
        if job.kind == kind:
            key = json.loads(job.payload)["tenant"] if kind == "tenant" else None
            groups.setdefault(kind if key is None else f"{kind} {key}", []).append(job)
    return groups


def _check_places(
    verdict: Verdict, history: History, jobs: Sequence[JobRecord], told: str, most: int, *, leases: bool
) -> None:
    """Count how many run at each moment; one that was killed runs until its killer says so.

    One that had lost its lease has lost its place, too.
    """
    edges: list[tuple[int, int]] = []
    for job in jobs:
        lost = _lost_leases(job) if leases else set()
        for run in history.runs(job.id):
            until = history.over(run)
            if until is not None and until > run.start and run.attempt not in lost:
                edges += [(run.start, 1), (until, -1)]
    running = worst = 0
    for _at, step in sorted(edges):
        running += step
        worst = max(worst, running)
    if worst > most:
        verdict.breaches.append(f"{worst} jobs of kind {told} ran at once, and {most} may")


def _check_ticks(
    verdict: Verdict, jobs: Sequence[JobRecord], fires: Mapping[int, str | None], *, every_second: bool
) -> None:
    """A schedule of every second has fired at each of them, and made one job each time.

    Where clocks are set by an hour, it fires more often at once than fires are kept: not all of them are known.
    """
    seconds = {instant // 1_000_000 for instant in fires}
    if seconds and every_second:
        verdict.gaps += [f"second {s} has not fired" for s in range(min(seconds), max(seconds)) if s not in seconds]
    made = Counter(fires.values())
    verdict.duplicated += [f"job {job_id} was made by {times} fires" for job_id, times in made.items() if times > 1]
    if every_second:
        verdict.unexpected += [f"job {job.id} was made by no fire" for job in jobs if job.id not in made]
    there = {job.id for job in jobs}
    verdict.lost += [f"the job of second {at // 1_000_000} is not there" for at, i in fires.items() if i not in there]
