"""Why a job waits, or how it ended: facts on the left, reasons on the right."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from forge_jobs.ids import new_job_id
from forge_jobs.model.job import ErrorEntry, JobRecord
from forge_jobs.model.limits import Bucket, KindRules, Limited
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Cause, Gate, Status
from forge_jobs.model.why import Facts, Holder, HostSeen, WorkerSeen, why

SECOND = 1_000_000
NOW = 1_750_000_000 * SECOND
ID = new_job_id()

JOB = JobRecord(
    id=ID, queue="media", kind="resize", status=Status.PENDING, gate=Gate.READY, priority=0, attempts=0, max_attempts=5,
    enqueued_at=NOW - 60 * SECOND, scheduled_at=NOW - 60 * SECOND, started_at=None, finished_at=None,
    cancel_requested_at=None, unique_key=None, process_id=None, claim_no=None, time_limit=None, expires_at=None,
    cpu_time=None, peak_memory=None, payload=b"{}", result=None, error_history=(),
)  # fmt: skip
HOST = HostSeen(label="red", queues=["media"], kinds=["resize"])
BUSY = WorkerSeen(host="red", queue="media", number=1, pid=12, job_id=new_job_id())
IDLE = WorkerSeen(host="red", queue="media", number=2, pid=13, idle=True)
HOLDER = Holder(host="red", number=1, pid=12, alive=True)
RUNNING: dict[str, Any] = {"status": Status.IN_PROGRESS, "gate": None, "attempts": 2, "started_at": NOW - 12 * SECOND}
DEAD: dict[str, Any] = {"status": Status.DEAD, "gate": None, "attempts": 5, "finished_at": NOW - 7200 * SECOND}


RULES = KindRules(kind="resize", max_running=4, max_running_per_key=2, rate_limits=("slack",), rate_cost=2)


def bucket(tokens: float, *, capacity: float = 10, at: int = NOW) -> Bucket:
    return Bucket(scope="slack", capacity=capacity, refill=0.5, tokens=tokens, refilled_at=at)


def facts(job: dict[str, Any] | None = None, **more: Any) -> Facts:
    known = {"hosts": [HOST], "workers": [BUSY], "settings": QueueSettings(name="media")} | more
    return Facts(job=msgspec.structs.replace(JOB, **(job or {})), now=NOW, **known)


WAITING = {
    "busy": (facts(before=3), "in_line", "it is ready; the one worker is busy; 3 jobs are before it in line"),
    "first": (facts(workers=[BUSY, BUSY]), "in_line", "all 2 workers of queue media are busy; no job is before it"),
    "one before": (facts(before=1), "in_line", "1 job is before it in line"),
    "many before": (facts(before=10_001), "in_line", "more than 10,000 jobs are before it in line"),
    "free": (facts(workers=[BUSY, IDLE]), "in_line", "1 of 2 workers are free"),
    "paused": (facts(settings=QueueSettings(name="media", paused=True)), "paused", "queue media is paused"),
    "nobody": (facts(hosts=[]), "no_worker", "no live supervisor serves queue media"),
    "a dead host": (
        facts(hosts=[msgspec.structs.replace(HOST, alive=False)], workers=[]), "no_worker", "no live supervisor"
    ),
    "other queues": (facts(hosts=[HostSeen(label="x", queues=["y"], kinds=["resize"])]), "no_worker", "no live"),
    "unknown kind": (
        facts(hosts=[HostSeen(label="red", queues=["media"], kinds=["other"])]),
        "unknown_kind", "no supervisor of queue media (red) has a handler of kind resize",
    ),
    "no share": (facts(settings=QueueSettings(name="media", max_workers=0)), "no_share", "of queue media is 0"),
    "no workers": (facts(workers=[msgspec.structs.replace(IDLE, queue="y")]), "no_share", "no worker for it just now"),
    "scheduled": (
        facts({"gate": Gate.WAITING, "scheduled_at": NOW + 300 * SECOND}), "scheduled", "due in 5 min 0 s"
    ),
    "retrying": (
        facts({"status": Status.FAILED, "gate": Gate.WAITING, "attempts": 2, "scheduled_at": NOW + 9 * SECOND}),
        "retry_due", "attempt 2 of 5 failed; the next one is in 9.0 s",
    ),
    "due": (facts({"gate": Gate.WAITING, "scheduled_at": NOW - SECOND}), "due", "its time came 1.0 s ago"),
    "cooling": (
        facts(settings=QueueSettings(name="media", cool_down=True, throttled_until=NOW + 5 * SECOND)),
        "cooling", "queue media cools down for 5.0 s, since a job was throttled",
    ),
    "its key": (
        facts({"gate": Gate.FOR_KEY, "limit_key": "a"}, limited=Limited(rules=RULES, holders=["one", "two"])),
        "for_key", "concurrency key 'a': at most 2 of kind resize at once; those of one, two are taken",
    ),
    "its kind": (
        facts({"gate": Gate.FOR_KIND}, limited=Limited(rules=RULES, holders=["one"], taken=4, buckets=[bucket(5)])),
        "for_kind", "at most 4 of kind resize at once; those of one and 3 more are taken",
    ),
    "tokens": (
        facts({"gate": Gate.FOR_KIND}, limited=Limited(rules=RULES, buckets=[bucket(0.5)])),
        "rate_limit", "rate limit 'slack' has too few tokens (0.5 of 2); it has enough in 3.0 s",
    ),
    "drained": (
        facts({"gate": Gate.FOR_KIND}, limited=Limited(rules=RULES, buckets=[bucket(0, at=NOW + 10 * SECOND)])),
        "rate_limit", "rate limit 'slack' is drained (0.0 of 2); it has enough in 14.0 s",
    ),
    "no limit": (
        facts({"gate": Gate.FOR_KIND}, limited=Limited(rules=RULES)), "no_rate_limit", "there is no rate limit 'slack'"
    ),
    "too small": (
        facts({"gate": Gate.FOR_KIND}, limited=Limited(rules=RULES, buckets=[bucket(1, capacity=1)])),
        "rate_limit", "a start takes 2 tokens of rate limit 'slack', which never holds more than 1",
    ),
    "any moment": (
        facts({"gate": Gate.FOR_KIND}, limited=Limited(rules=RULES, buckets=[bucket(9)])),
        "for_kind", "which a supervisor gives it now",
    ),
    "throttled": (
        facts({"gate": Gate.WAITING, "scheduled_at": NOW + 9 * SECOND, "throttles": 3}),
        "scheduled", "it was throttled 3 times, and tries again in 9.0 s",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WAITING)
def test_a_job_that_waits_has_one_first_reason(what: str) -> None:
    known, code, said = WAITING[what]

    first = why(known).reasons[0]

    assert first.code == code
    assert said in first.told


def test_all_that_holds_a_job_up_is_told_the_weightiest_first() -> None:
    job = {"gate": Gate.WAITING, "scheduled_at": NOW + 60 * SECOND, "expires_at": NOW + 90 * SECOND}
    answer = why(facts(job, hosts=[], workers=[], settings=QueueSettings(name="media", paused=True)))

    assert [reason.code for reason in answer.reasons] == ["paused", "no_worker", "scheduled", "expires"]
    assert answer.reasons[0].way_out == "forge-jobs queue resume media"
    assert answer.reasons[2].way_out == f"forge-jobs run-now {ID}"
    assert "it expires in 1 min 30 s" in answer.reasons[3].told


def test_a_job_that_has_expired_says_so() -> None:
    assert "it expired 5.0 s ago" in why(facts({"expires_at": NOW - 5 * SECOND})).reasons[-1].told


@pytest.mark.parametrize("status", [Status.DONE, Status.DEAD])
def test_a_job_of_whose_end_no_time_is_known_says_so(status: Status) -> None:
    (reason,) = why(facts(DEAD | {"status": status, "finished_at": None, "started_at": NOW})).reasons
    assert reason.code == status
    assert "at an unknown time" in reason.told


def test_a_queue_nobody_created_is_no_hindrance() -> None:
    assert [reason.code for reason in why(facts(settings=None)).reasons] == ["in_line"]


HELD = {
    "running": (HOLDER, "running", "attempt 2 of 5 has been running for 12.0 s on worker media #1 on red (pid 12)"),
    "progress": (msgspec.structs.replace(HOLDER, progress="progress 3 of 4 (75%)"), "running", "progress 3 of 4 (75%)"),
    "held": (msgspec.structs.replace(HOLDER, runs_another=True), "held", "which runs another job before it"),
    "a dead host": (msgspec.structs.replace(HOLDER, alive=False), "lost", "a worker of host red, which is gone"),
    "nobody": (None, "lost", "no registered worker"),
}


@pytest.mark.parametrize("what", HELD)
def test_a_running_job_says_where(what: str) -> None:
    holder, code, said = HELD[what]

    (reason,) = why(facts(RUNNING, holder=holder)).reasons

    assert reason.code == code
    assert said in reason.told


def test_a_requested_cancel_is_told() -> None:
    job = RUNNING | {"cancel_requested_at": NOW - SECOND}

    assert [r.code for r in why(facts(job, holder=HOLDER)).reasons] == ["running", "cancel_requested"]


def test_a_done_job_says_how_long_it_took() -> None:
    job = {
        "status": Status.DONE,
        "gate": None,
        "attempts": 1,
        "started_at": NOW - 9 * SECOND,
        "finished_at": NOW - SECOND,
    }

    (reason,) = why(facts(job)).reasons

    assert (reason.code, reason.told) == ("done", "attempt 1 succeeded 1.0 s ago, in 8.0 s")


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_of_death_is_told_in_words(cause: Cause) -> None:
    entry = ErrorEntry(
        at=NOW, attempt=5, cause=cause, message="KeyError: 'user'", host="red", pid=12, exit_signal="SIGSEGV",
        wall_seconds=2.0, peak_memory=2**30,
    )  # fmt: skip

    answer = why(facts(DEAD | {"error_history": (entry,)}))

    (reason,) = answer.reasons
    assert reason.code == "dead"
    assert reason.told.startswith("it ended dead 2 h 0 min ago, after 5 of 5 attempts: it")
    assert "KeyError: 'user'" in reason.told
    assert "by SIGSEGV, after 2.0 s, on red pid 12" in reason.told
    assert (reason.way_out or "").endswith(f"forge-jobs retry {ID}")
    assert [(a.attempt, a.cause) for a in answer.attempts] == [(5, cause)]


def test_the_attempts_are_told_oldest_first_and_not_at_any_length() -> None:
    entries = tuple(ErrorEntry(at=NOW, attempt=n, cause=Cause.ERROR, message="x" * 1000 * n) for n in (1, 2))

    answer = why(facts(DEAD | {"error_history": entries}))

    assert [attempt.attempt for attempt in answer.attempts] == [1, 2]
    assert all(len(attempt.told) < 400 for attempt in answer.attempts)


def test_a_dead_job_without_a_history_can_be_retried() -> None:
    (reason,) = why(facts(DEAD)).reasons

    assert reason.way_out == f"forge-jobs retry {ID}"
