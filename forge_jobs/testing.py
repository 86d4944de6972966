"""For the tests of applications: run what is due in this process, look at what was enqueued, turn the clock.

The real storage and the real execution are used, on whatever database the application names: a temporary SQLite file
is the fake.
"""

from __future__ import annotations

import os
from typing import Any

from forge_jobs.app import ForgeJobs
from forge_jobs.client import Job
from forge_jobs.clock import MICROSECONDS, Clock, SystemClock
from forge_jobs.context import JobContext
from forge_jobs.declaring import declare
from forge_jobs.execution import ended_for_good, run
from forge_jobs.ids import new_process_id
from forge_jobs.logs import note_running
from forge_jobs.schedules import fire_due
from forge_jobs.settling import Settler
from forge_jobs.storage import open_storage
from forge_jobs.storage.claims import Claim, Want
from forge_jobs.storage.records import ProcessRecord

DUE_SLICE = 500


class ManualClock:
    """A clock that moves only when it is told to; starts at the real time. For one ForgeJobs, by ``use_clock``."""

    def __init__(self) -> None:
        self._now = SystemClock().now()

    def now(self) -> int:
        """Return microseconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let so many seconds go by."""
        self._now += round(seconds * MICROSECONDS)


def use_clock(jobs: ForgeJobs, clock: Clock) -> None:
    """Let the application's storage go by this clock from now on, and its schedules too."""
    jobs.close()
    jobs.use(open_storage(jobs.location.url, clock=clock), jobs.location)
    jobs.cron.write()


def run_due(jobs: ForgeJobs, *, limit: int = 1000) -> list[Job]:
    """Run the jobs that are due, of every kind the application handles, here and one after another.

    Each is claimed, executed, settled and recorded as a worker would do it; a job that fails waits for its next
    attempt. Schedules whose time has come fire first. Jobs that are enqueued meanwhile are run too. Returns the jobs
    that ran, in order, at most ``limit``.
    """
    runner = _Runner(jobs)
    ran: list[Job] = []
    while len(ran) < limit and (claim := runner.claim()) is not None:
        runner.execute(claim)
        ran.append(jobs.get(claim.id))
    runner.leave()
    return ran


class _Runner:
    """A worker of every queue, in this process."""

    def __init__(self, jobs: ForgeJobs) -> None:
        self._jobs = jobs
        self._storage = jobs.storage
        self._process_id = new_process_id()
        self._claim_no = 0
        declare(self._storage, jobs.declared(), self._storage.clock.now())
        self._heard = jobs.listeners.hearing_success(jobs.handlers)
        self._settler = Settler("testing", os.getpid(), lambda: 0.0, self._heard)
        self._storage.registry.announce_worker(
            ProcessRecord(
                process_id=self._process_id,
                host_id="testing",
                queue="testing",
                number=1,
                pid=os.getpid(),
                started_at=self._storage.clock.now(),
            )
        )

    def claim(self) -> Claim | None:
        """Return the next job of the first queue that has one."""
        fire_due(self._storage.schedules, self._storage.clock.now())
        while self._storage.upkeep.open_due(DUE_SLICE).ready or self._storage.upkeep.expire(DUE_SLICE):
            continue
        while self._storage.limits.admit(DUE_SLICE).more:
            continue
        for queue in self._jobs.counts():
            want = Want(queue=queue, kinds=sorted(self._jobs.handlers), first_claim_no=self._claim_no + 1)
            exchanged = self._storage.worker_queue.exchange(self._process_id, [], want)
            if exchanged is not None and exchanged.claims:
                self._claim_no += 1
                self._settings = exchanged.settings
                return exchanged.claims[0]
        return None

    def execute(self, claim: Claim) -> None:
        """Run one job and record how it ended."""
        started_at = self._storage.clock.now()
        handler, around = self._jobs.handlers[claim.kind], self._jobs.hooks.middleware
        note_running(claim)
        verdict = run(handler, claim.payload, lambda: self._context(claim), around=around)
        verdict = ended_for_good(verdict, claim, handler)
        note_running(None)
        now = self._storage.clock.now()
        ended = self._settler.settle(claim, self._process_id, verdict, self._settings, now, started_at)
        self._storage.worker_queue.exchange(self._process_id, [ended], None)

    def leave(self) -> None:
        """Take this runner off the registry."""
        self._storage.registry.bury(self._process_id, [], "testing")

    def _context(self, claim: Claim) -> JobContext:
        return JobContext.of(
            claim,
            self._process_id,
            clock=self._storage.clock,
            storage=self._storage,
            enqueue=self._jobs.enqueue,
            report=lambda _done, _total, _note: None,
            heard=claim.kind in self._heard,
        )


def assert_enqueued(jobs: ForgeJobs, kind: str, **arguments: Any) -> Job:
    """Return the newest live job of this kind whose payload has these arguments; raise AssertionError otherwise."""
    seen = [job for job in jobs.list(kind=kind, limit=1000) if job.status in ("pending", "in_progress", "failed")]
    for job in seen:
        if all(job.payload.get(name) == value for name, value in arguments.items()):
            return job
    raise AssertionError(
        f"no job of kind {kind!r} with {arguments} is waiting; there are {[job.payload for job in seen]}"
    )
