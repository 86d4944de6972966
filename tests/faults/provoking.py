"""An operator who does every verb to jobs of its own, and gives housekeeping something to do that it seldom has to.

Run as a program with the application's module on its path. Each round is a process of its own: killed at any moment,
the next one finds each verb done to all of its jobs or to none, and goes on. Nobody serves its queues.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

from forge_jobs import ForgeJobs
from forge_jobs.errors import DatabaseError, ForgeJobsError
from forge_jobs.limiter import RateLimiter
from forge_jobs.model.crontab import ScheduleRecord
from forge_jobs.model.queue import QueueSettings

ASIDE, BESIDE, ELSEWHERE = "aside", "beside", "elsewhere"
"""Queues: cleaned by the operator, by the farm; and one to move jobs to."""

UNKNOWN = "unknown"
"""A kind of which no farm has a handler."""

SCHEDULES = ("aside", "unreadable")
FIVE = range(5)
PAUSE = 0.02
_NUMBERS = 10**18

pause = threading.Event().wait


def clear_away(jobs: ForgeJobs) -> None:
    """Remove what the operator has stored: nobody would ever work it off."""
    for queue in (ASIDE, BESIDE, ELSEWHERE):
        jobs.delete(queue=queue)
    jobs.delete(kind=UNKNOWN)
    for name in SCHEDULES:
        jobs.storage.schedules.remove(name)


def operate(jobs: ForgeJobs) -> None:
    """Do every verb once."""
    check_whole(jobs)
    jobs.delete(queue=ASIDE)
    jobs.delete(queue=ELSEWHERE)
    _set_queues(jobs)
    _jobs_of_nobody(jobs)
    _metered(jobs)
    ours = [job.id for job in jobs.enqueue_bulk([_ours(number, 3600) for number in FIVE])]
    jobs.edit(*ours, priority=3)
    jobs.run_now(*ours)
    jobs.move(*ours, to=ELSEWHERE)
    jobs.move(*ours, to=ASIDE)
    jobs.cancel(*ours)
    jobs.retry(*ours)
    jobs.cancel(*ours)
    list(jobs.clean(ASIDE))
    _schedules(jobs)
    limiter = RateLimiter(lambda: jobs.storage.limits)
    limiter.set("aside", capacity=5, per_second=5)
    limiter.delete("aside")
    for host in jobs.storage.registry.hosts():
        jobs.storage.control.ask(host.host_id, None, "stack")


def check_whole(jobs: ForgeJobs) -> None:
    """Fail if a verb was done to some of the jobs that it was meant for, and not to others."""
    ours = [job.record for queue in (ASIDE, ELSEWHERE) for job in jobs.list(queue=queue)]
    states = {(job.queue, job.status, job.priority, job.scheduled_at > job.enqueued_at) for job in ours}
    assert len(ours) in (0, len(FIVE)), f"{len(ours)} of {len(FIVE)} jobs are there"
    assert len(states) < 2, f"of the same jobs some are {states}"


def _ours(number: int, delay: float) -> tuple[str, dict[str, int], dict[str, object]]:
    return ("aside", {"place": number}, {"queue": ASIDE, "unique_key": f"aside-{number}", "delay": delay})


def _set_queues(jobs: ForgeJobs) -> None:
    for queue in (ASIDE, BESIDE):
        jobs.storage.queue_config.ensure_queue(QueueSettings(name=queue))
        jobs.set_queue(queue, keep_dead_jobs=0)


def _jobs_of_nobody(jobs: ForgeJobs) -> None:
    """Leave jobs to the farm that expire, are too old to be kept, and are of a kind that it does not know."""
    soon = datetime.now(UTC) + timedelta(seconds=0.1)
    jobs.enqueue_bulk([("late", {}, {"queue": BESIDE, "expires_at": soon})] * len(FIVE))
    if not jobs.count(kind=UNKNOWN):
        jobs.enqueue_bulk([(UNKNOWN, {})] * 4 * len(FIVE))
    elif time.time_ns() % 4 == 0:
        jobs.delete(kind=UNKNOWN)


def _metered(jobs: ForgeJobs) -> None:
    """Enqueue jobs that wait for tokens unless there are some, and tell of them as producers do."""
    from tortured_application import note

    if jobs.list(kind="metered", status="pending", limit=1):
        return
    numbers = [_NUMBERS + time.monotonic_ns() // 1000 + each for each in FIVE]
    for number in numbers:
        note("offer", number)
    stored = jobs.enqueue_bulk([("metered", {"number": number, "milliseconds": 0}) for number in numbers])
    for number, job in zip(numbers, stored, strict=True):
        note("ack", number, job.id)


def _schedules(jobs: ForgeJobs) -> None:
    """Add and remove some: one that the code declares, which a coordinator then writes anew, and one that is none."""
    schedules, now = jobs.storage.schedules, jobs.storage.clock.now()
    for name in (*SCHEDULES, "seldom"):
        schedules.remove(name)
    jobs.cron.add("aside", "0 0 1 1 *", "aside")
    unreadable = ScheduleRecord(
        name="unreadable", kind="aside", expression="whenever", next_fire_at=now, created_at=now, updated_at=now
    )
    schedules.edit("unreadable", lambda _before: unreadable)


def _round() -> None:
    """Be a process that does every verb once; a database that is away is no fault of it."""
    from tortured_application import jobs

    try:
        with contextlib.suppress(DatabaseError):
            operate(jobs)
    except ForgeJobsError:
        traceback.print_exc()
        os._exit(1)


def main() -> None:
    """Operate until a file is there that says stop, which is the argument."""
    import tortured_application  # noqa: F401 - each round has it

    stop = Path(sys.argv[1])
    while not stop.exists():
        pid = os.fork()
        if pid == 0:
            _be_round()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code not in (0, -signal.SIGKILL):
            sys.exit(f"a round has ended with {code}")
        pause(PAUSE)


def _be_round() -> None:
    from tests.faults.passages import OPERATOR
    from tests.faults.points import become

    try:
        become(OPERATOR)
        _round()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
