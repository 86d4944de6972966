"""A process that does to jobs what operators do until it is told to stop, and notes what it asks and is answered.

Run as a program with the application's module on its path; killed at any moment, and started again by the torture.
"""

from __future__ import annotations

import contextlib
import random
import sys
import threading
from functools import partial
from pathlib import Path

from forge_jobs import ForgeJobs, Job
from forge_jobs.errors import DatabaseError, JobNotFound

VERBS = {"cancel": 8, "run_now": 4, "edit": 4, "retry": 3, "delete": 3, "pause": 1}
"""What is done, and how often each."""

LOOKED_AT = {"cancel": ("pending", "in_progress"), "retry": ("dead", "failed"), "delete": ("done", "dead", "pending")}
"""The statuses of jobs to which it is done; of others: that wait."""

EVERY = (0.02, 0.2)
"""Seconds between two verbs."""

PAUSED = 0.05
pause = threading.Event().wait


def operate(stop: Path, chance: random.Random) -> None:
    """Do something to a job, again and again. The queue is never left paused, save by who is killed in between."""
    from tortured_application import jobs

    while not stop.exists():
        pause(chance.uniform(*EVERY))
        with contextlib.suppress(DatabaseError, JobNotFound):
            jobs.resume_queue("default")
            _act(jobs, chance)


def _act(jobs: ForgeJobs, chance: random.Random) -> None:
    (verb,) = chance.choices(list(VERBS), list(VERBS.values()))
    if verb == "pause":
        jobs.pause_queue("default")
        pause(PAUSED)
        return
    statuses = LOOKED_AT.get(verb, ("pending", "failed"))
    found = jobs.list(status=chance.choice(statuses), queue="default", limit=50)
    fit = [job for job in found if job.kind != "tick"]  # whose jobs are compared with its fires
    if fit:
        _ask(verb, chance.choice(fit), chance)


def _ask(verb: str, job: Job, chance: random.Random) -> None:
    from tortured_application import note

    note("ask", job.id, verb)
    act = partial(job.edit, priority=chance.choice((-1, 0, 1))) if verb == "edit" else getattr(job, verb)
    note("answer", job.id, f"{verb}-{act()}")


def main() -> None:
    """Operate; arguments: file that says stop, seed."""
    stop, seed = sys.argv[1:]
    operate(Path(stop), random.Random(seed))


if __name__ == "__main__":
    main()
