"""Rules that hold in every database at any moment, whoever was killed when: ``forge-jobs verify`` asks for each.

Each rule is one statement, ``sql/broken_<name>.sql`` of either backend, so it sees one state of the database and may be
asked while farms work on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forge_jobs.model.checks import Check, Level

if TYPE_CHECKING:
    from forge_jobs.storage.looking_ports import Checkup

RULES = {
    "attempts": "every job that runs or ended was started, and none has, or waits for, an attempt that it may not have",
    "bodies": "every job has its payload, and its result if it is done",
    "claims": "no claim is of two jobs",
    "errors": "every job that failed says why, and every error is of a job",
    "orphans": "every claim is of a registered worker, or no supervisor has had the time to give it back",
    "places": "only jobs under a limit wait for a place of it, or have one",
    "processes": "every worker is of a registered supervisor, or none has had the time to take it off",
    "schedules": "no schedule has fired later than it knows",
    "states": "every job has what its state needs, and nothing that belongs to another one",
    "tallies": "the counts of ended jobs are those of their rows",
    "values": "settings, rules, limits and schedules are such as can be made",
}
"""What holds, by name."""

TOLD = 10
"""So many rows that break a rule are told."""

_WAY_OUT = "keep a copy of the database, and report it: no crash may lead to this, only a row that was changed by hand"


def verify(checkup: Checkup) -> Iterator[Check]:
    """Give a finding for each rule, one after the other; every row is read. Raises DatabaseError. Changes nothing."""
    for name, told in RULES.items():
        found = checkup.broken(name, TOLD)
        if not found:
            yield Check(name=name, told=told)
        for job_id, how in found:
            said = how if job_id is None else f"job {job_id} {how}"
            yield Check(name=name, level=Level.PROBLEM, told=said, way_out=_WAY_OUT)
