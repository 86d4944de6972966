"""The checker finds each kind of fault that it is there for, and none where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from forge_jobs.model.job import ErrorEntry, JobRecord
from forge_jobs.model.states import Cause, Gate, Status
from tests.faults.checker import Verdict, check
from tests.faults.history import Event, History, read

SECOND = 1_000_000_000
DONE = JobRecord(
    id="a", queue="default", kind="compute", status=Status.DONE, gate=None, priority=0, attempts=1, max_attempts=3,
    enqueued_at=0, scheduled_at=0, started_at=0, finished_at=1, cancel_requested_at=None, unique_key=None, process_id=1,
    claim_no=1, time_limit=None, expires_at=None, cpu_time=None, peak_memory=None, payload=b"{}", result=b"1",
)  # fmt: skip


def job(job_id: str = "a", **changes: Any) -> JobRecord:
    return msgspec.structs.replace(DONE, id=job_id, **changes)


def entry(attempt: int, cause: Cause = Cause.CRASHED) -> ErrorEntry:
    return ErrorEntry(at=0, attempt=attempt, cause=cause, message="it did not end well")


TWICE = job(attempts=2, error_history=(entry(1),))
"""What failed once and is done."""


def events(told: str) -> list[Event]:
    """Return events of lines ``what whom more pid second``."""
    fields = [line.split() for line in told.splitlines() if line]
    return [Event(what, whom, more, int(pid), round(float(at) * SECOND)) for what, whom, more, pid, at in fields]


def checked(told: str, *jobs: tuple[int | None, JobRecord], **more: Any) -> Verdict:
    return check(History(events(told)), jobs, **more)


STORED = """
offer 1 - 10 0
ack 1 a 10 1
"""
RUN = (
    STORED
    + """
start a 1 20 2
end a 1 20 3
"""
)


def test_a_history_in_which_all_went_well() -> None:
    verdict = checked(RUN, (1, job()))
    assert verdict.wrong == []
    assert (verdict.offered, verdict.acknowledged, verdict.maybe, verdict.done, verdict.attempts) == (1, 1, 0, 1, 1)


def test_what_was_not_acknowledged_may_be_there_or_not() -> None:
    offered = "offer 1 - 10 0\n"
    assert (checked(offered).wrong, checked(offered).maybe) == ([], 1)
    assert checked(offered + "start a 1 20 2\nend a 1 20 3", (1, job())).wrong == []


@pytest.mark.parametrize("status", [Status.PENDING, Status.IN_PROGRESS, Status.FAILED])
def test_what_was_acknowledged_and_has_not_ended_is_lost(status: Status) -> None:
    assert len(checked(STORED, (1, job(status=status, gate=Gate.READY, attempts=0))).lost) == 1


def test_what_was_acknowledged_and_is_not_there_is_lost() -> None:
    assert len(checked(RUN).lost) == 1


def test_what_nobody_offered_is_unexpected() -> None:
    assert len(checked(RUN, (1, job()), (2, job("b", status=Status.DEAD))).unexpected) == 1


def test_a_number_that_is_there_twice_is_duplicated() -> None:
    again = RUN + "start b 1 20 4\nend b 1 20 5"
    assert len(checked(again, (1, job()), (1, job("b"))).duplicated) == 1


def test_who_is_done_and_never_came_to_an_end_is_told() -> None:
    assert len(checked(STORED + "start a 1 20 2", (1, job())).untold) == 1


def test_an_attempt_that_is_not_on_record_is_told() -> None:
    assert len(checked(RUN + "start a 2 21 4\nend a 2 21 5", (1, job())).untold) == 1


AGAIN = (
    STORED
    + """
start a 1 20 2
start a 2 21 {second}
end a 2 21 9
end a 1 20 {first_ends}
"""
)


def test_two_attempts_at_once_overlap_unless_the_first_had_lost_its_lease() -> None:
    assert checked(AGAIN.format(second=5, first_ends=4), (1, TWICE)).wrong == []
    at_once = AGAIN.format(second=5, first_ends=6)
    assert len(checked(at_once, (1, TWICE), leases=True).overlapping) == 1
    cut_off = job(attempts=2, error_history=(entry(1, Cause.LOST),))
    assert checked(at_once, (1, cut_off), leases=True).wrong == []
    assert len(checked(at_once, (1, cut_off)).overlapping) == 1, "where nobody loses a lease that is no reason"


def test_the_lost_lease_of_another_attempt_is_no_reason_to_overlap() -> None:
    told = AGAIN.format(second=5, first_ends=5) + "start a 3 22 8\nend a 3 22 10"
    thrice = job(attempts=3, error_history=(entry(1, Cause.LOST), entry(2)))
    assert len(checked(told, (1, thrice), leases=True).overlapping) == 1


@pytest.mark.parametrize(("killed", "overlapping"), [(4, 0), (6, 1)])
def test_who_is_killed_ran_until_then(killed: int, overlapping: int) -> None:
    told = STORED + f"start a 1 20 2\nkill 20 worker 1 {killed}\nstart a 2 21 5\nend a 2 21 7"
    verdict = checked(told, (1, TWICE))
    assert (len(verdict.overlapping), verdict.cut_short) == (overlapping, 1)


@pytest.mark.parametrize(
    ("status", "effects", "wrong"),
    [
        (Status.DONE, {1: 1}, 0),
        (Status.DONE, {}, 1),
        (Status.DONE, {1: 2}, 1),
        (Status.DEAD, {}, 0),
        (Status.DEAD, {1: 1}, 1),
    ],
)
def test_an_effect_is_there_once_if_the_job_is_done(status: Status, effects: dict[int, int], wrong: int) -> None:
    one = job(kind="transact") if status == "done" else dead(Cause.CANCELLED, kind="transact")
    told = RUN + "ask a cancel 30 2"
    assert len(checked(told, (1, one), effects=effects).wrong) == wrong


@pytest.mark.parametrize(("most", "breaches"), [(1, 1), (2, 0)])
def test_more_at_once_than_may_is_a_breach(most: int, breaches: int) -> None:
    told = "start a 1 20 1\nstart b 1 21 2\nend a 1 20 3\nend b 1 21 4\nstart c 1 20 4\nend c 1 20 5"
    jobs = [(None, job(job_id, kind="limited")) for job_id in "abc"]
    assert len(checked(told, *jobs, places={"limited": most}).breaches) == breaches


def test_who_lost_its_lease_has_lost_its_place() -> None:
    told = "start a 1 20 1\nstart b 1 21 2\nend a 1 20 3\nend b 1 21 4\nstart a 2 20 5\nend a 2 20 6"
    jobs = [
        (None, job("a", kind="limited", attempts=2, error_history=(entry(1, Cause.LOST),))),
        (None, job("b", kind="limited")),
    ]
    assert checked(told, *jobs, places={"limited": 1}, leases=True).wrong == []
    assert len(checked(told, *jobs, places={"limited": 1}).breaches) == 1


def test_each_key_of_a_kind_has_its_places() -> None:
    told = "start a 1 20 1\nstart b 1 21 2\nend a 1 20 3\nend b 1 21 4"

    def tenants(*keys: str) -> list[tuple[None, JobRecord]]:
        return [
            (None, job(i, kind="tenant", payload=f'{{"tenant":"{k}"}}'.encode()))
            for i, k in zip("ab", keys, strict=True)
        ]

    assert checked(told, *tenants("x", "y"), places={"tenant": 1}).wrong == []
    assert len(checked(told, *tenants("x", "x"), places={"tenant": 1}).breaches) == 1


FIRES = {5: "a", 6: "b", 7: "c"}


@pytest.mark.parametrize(
    ("fires", "wrong"),
    [
        (FIRES, ""),
        ({5: "a", 7: "c"}, "gaps unexpected"),
        (FIRES | {6: "a"}, "duplicated unexpected"),
        (FIRES | {8: "d"}, "lost"),
        (FIRES | {8: None}, "lost"),
    ],
)
def test_a_schedule_fires_every_second_and_makes_one_job_each_time(fires: dict[int, str | None], wrong: str) -> None:
    jobs = [(None, job(job_id, kind="tick")) for job_id in "abc"]
    told = "\n".join(f"start {i} 1 20 {s}\nend {i} 1 20 {s}" for s, i in FIRES.items())
    found = {second * 1_000_000: job_id for second, job_id in fires.items()}
    verdict = checked(told, *jobs, fires=found)
    clocks_set = checked(told, *jobs, fires=found, every_second=False)
    assert (clocks_set.gaps, clocks_set.unexpected) == ([], [])
    assert [line.partition(":")[0] for line in verdict.wrong] == sorted(wrong.split(), key=ORDER.index)


ORDER = ["lost", "unexpected", "duplicated", "overlapping", "untold", "breaches", "gaps"]


def test_a_line_that_a_kill_has_cut_is_left_out(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    assert list(read(ledger)) == []
    ledger.write_text("offer 1 - 10 5\nack 1 a 10 6\noffer 2 - 10 7")
    assert [event.what for event in read(ledger)] == ["offer", "ack"]


def test_a_pid_that_comes_again_is_another_process() -> None:
    killed = "start a 1 20 2\nkill 20 worker 9 {}\nstart a 2 30 4\nend a 2 30 5\nkill 20 worker 9 3600\n"
    assert checked(STORED + killed.format(3), (1, TWICE)).wrong == []
    assert checked(STORED + killed.format(4.5), (1, TWICE)).overlapping


# -- attempts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runs", "one", "wrong"),
    [
        ("start a 1 20 2\nend a 1 20 3\nstart a 2 21 4\nend a 2 21 5", job(attempts=2), ["duplicated"]),
        ("start a 1 20 2\nstart a 2 21 4\nend a 2 21 5", job(attempts=2), ["duplicated"]),
        ("start a 1 20 2\nend a 1 20 3\nstart a 1 21 4\nend a 1 21 5", job(), ["duplicated", "untold"]),
        ("start a 1 20 2\nend a 1 20 3\nstart a 2 21 4\nend a 2 21 5", TWICE, []),
        ("start a 1 20 2\nstop a 1 20 3\nstart a 2 21 4\nend a 2 21 5", TWICE, []),
        ("start a 2 21 4\nend a 2 21 5", TWICE, []),  # an attempt that was lost before it began
    ],
)
def test_no_attempt_begins_without_a_trace(runs: str, one: JobRecord, wrong: list[str]) -> None:
    assert [line.partition(":")[0] for line in checked(STORED + runs, (1, one)).wrong] == wrong


def test_who_stood_still_past_its_lease_may_begin_what_it_held_once_more() -> None:
    told = STORED + "start a 1 21 4\nend a 1 21 5\n{}start a 1 20 6\nend a 1 20 7"
    assert checked(told.format(""), (1, job())).wrong != []
    assert checked(told.format("freeze 20 frozen-worker 9 3\n"), (1, job())).wrong == []


def test_a_history_of_errors_that_was_cut_says_nothing_of_what_is_gone() -> None:
    attempts = range(1, 41)
    told = STORED + "\n".join(f"start a {n} 20 {n + 1}\nstop a {n} 20 {n + 1}.5" for n in attempts) + "\nend a 40 20 42"
    kept = tuple(entry(n) for n in attempts[-33:-1])
    assert checked(told, (1, job(attempts=40, error_history=kept))).wrong == []
    assert len(checked(told, (1, job(attempts=40, error_history=kept[:-1]))).duplicated) == 8


def test_an_exception_ends_an_attempt() -> None:
    told = STORED + "start a 1 20 2\nstop a 1 20 {}\nstart a 2 21 4\nend a 2 21 5"
    assert checked(told.format(3), (1, TWICE)).overlapping == []
    assert len(checked(told.format(4.5), (1, TWICE)).overlapping) == 1


# -- ends ---------------------------------------------------------------------------------------------------------


def test_a_result_is_that_of_the_job() -> None:
    assert len(checked(RUN, (1, job(result=b"2"))).untold) == 1


def test_a_number_has_the_job_that_was_acknowledged() -> None:
    swapped = RUN + "offer 2 - 10 0\nack 2 b 10 1\nstart b 1 20 4\nend b 1 20 5"
    verdict = checked(swapped, (2, job("a", result=b"2")), (1, job("b")))
    assert len(verdict.unexpected) == 2


def dead(cause: Cause | None, **more: Any) -> JobRecord:
    history = () if cause is None else (entry(1, cause),)
    return job(**({"status": Status.DEAD, "error_history": history, "result": None} | more))


@pytest.mark.parametrize(
    ("told", "one", "lost"),
    [
        ("", dead(None, attempts=0), 1),
        ("", dead(Cause.CRASHED), 1),
        ("", dead(Cause.CANCELLED), 1),
        ("ask a cancel 30 2", dead(Cause.CANCELLED), 0),
        ("", dead(Cause.EXPIRED), 1),
        ("", dead(Cause.EXPIRED, expires_at=5), 0),
        ("", dead(Cause.ERROR, kind="fail", max_attempts=2), 1),
        ("", dead(Cause.ERROR, kind="fail", max_attempts=1), 0),
    ],
)
def test_what_died_for_no_reason_is_lost(told: str, one: JobRecord, lost: int) -> None:
    assert len(checked(STORED + told, (1, one)).wrong) == lost


@pytest.mark.parametrize(("number", "attempts", "untold"), [(3, 2, 1), (1, 1, 1), (1, 2, 0)])
def test_what_must_fail_is_not_done_too_early(number: int, attempts: int, untold: int) -> None:
    told = f"offer {number} - 10 0\nack {number} a 10 1\nstart a {attempts} 20 2\nend a {attempts} 20 3"
    one = job(kind="fail", attempts=attempts, result=str(number).encode())
    assert len(checked(told, (number, one)).untold) == untold


# -- operators ----------------------------------------------------------------------------------------------------


def test_what_an_operator_removes_is_not_lost_but_gone() -> None:
    asked = STORED + "ask a delete 30 2\n"
    assert (checked(asked).wrong, checked(asked).deleted) == ([], 1)
    assert checked(asked + "start a 1 20 4\nend a 1 20 5", (1, job())).wrong == []
    assert len(checked(asked + "answer a delete-True 30 3\nstart a 1 20 4\nend a 1 20 5", (1, job())).unexpected) == 1


def test_what_was_cancelled_before_it_ran_does_not_run() -> None:
    asked = STORED + "ask a cancel 30 2\nanswer a cancel-{} 30 3\n"
    cancelled = dead(Cause.CANCELLED)
    assert checked(asked.format("cancelled"), (1, cancelled)).wrong == []
    assert len(checked(asked.format("cancelled") + "start a 1 20 4", (1, cancelled)).untold) == 1
    ran = "start a 1 20 4\nend a 1 20 5"
    assert len(checked(asked.format("cancelled") + ran, (1, job())).untold) == 2
    assert checked(asked.format("requested") + ran, (1, job())).wrong == []


def test_what_was_retried_counts_anew() -> None:
    told = RUN + "ask a retry 30 4\nstart a 1 20 5\nend a 1 20 6"
    assert checked(told, (1, job(error_history=(entry(1),)))).wrong == []
