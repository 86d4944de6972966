"""The checker finds each kind of fault that it is there for, and none where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from forge_jobs.model.job import ErrorEntry, JobRecord
from forge_jobs.model.states import Cause, Gate, Status
from tests.faults.history import Event, History, Verdict, check, read

SECOND = 1_000_000_000
DONE = JobRecord(
    id="a", queue="default", kind="compute", status=Status.DONE, gate=None, priority=0, attempts=1, max_attempts=3,
    enqueued_at=0, scheduled_at=0, started_at=0, finished_at=1, cancel_requested_at=None, unique_key=None, process_id=1,
    claim_no=1, time_limit=None, expires_at=None, cpu_time=None, peak_memory=None, payload=b"{}", result=b"1",
)  # fmt: skip


def job(job_id: str = "a", **changes: Any) -> JobRecord:
    return msgspec.structs.replace(DONE, id=job_id, **changes)


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
    once_more = job(attempts=2)
    assert checked(AGAIN.format(second=5, first_ends=4), (1, once_more)).wrong == []
    assert len(checked(AGAIN.format(second=5, first_ends=6), (1, once_more)).overlapping) == 1
    entry = ErrorEntry(at=0, attempt=1, cause=Cause.LOST, message="gone")
    cut_off = msgspec.structs.replace(once_more, error_history=(entry,))
    assert checked(AGAIN.format(second=5, first_ends=6), (1, cut_off)).wrong == []


@pytest.mark.parametrize(("killed", "overlapping"), [(4, 0), (6, 1)])
def test_who_is_killed_ran_until_then(killed: int, overlapping: int) -> None:
    told = STORED + f"start a 1 20 2\nkill 20 worker 1 {killed}\nstart a 2 21 5\nend a 2 21 7"
    verdict = checked(told, (1, job(attempts=2)))
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
    assert len(checked(RUN, (1, job(kind="transact", status=status)), effects=effects).wrong) == wrong


@pytest.mark.parametrize(("most", "breaches"), [(1, 1), (2, 0)])
def test_more_at_once_than_may_is_a_breach(most: int, breaches: int) -> None:
    told = "start a 1 20 1\nstart b 1 21 2\nend a 1 20 3\nend b 1 21 4\nstart c 1 20 4\nend c 1 20 5"
    jobs = [(None, job(job_id, kind="limited")) for job_id in "abc"]
    assert len(checked(told, *jobs, places={"limited": most}).breaches) == breaches


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
    verdict = checked(told, *jobs, fires={second * 1_000_000: job_id for second, job_id in fires.items()})
    assert [line.partition(":")[0] for line in verdict.wrong] == sorted(wrong.split(), key=ORDER.index)


ORDER = ["lost", "unexpected", "duplicated", "overlapping", "untold", "breaches", "gaps"]


def test_a_line_that_a_kill_has_cut_is_left_out(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    assert list(read(ledger)) == []
    ledger.write_text("offer 1 - 10 5\nack 1 a 10 6\noffer 2 - 10 7")
    assert [event.what for event in read(ledger)] == ["offer", "ack"]


def test_a_pid_that_comes_again_is_another_process() -> None:
    killed = "start a 1 20 2\nkill 20 worker 9 {}\nstart a 2 30 4\nend a 2 30 5\nkill 20 worker 9 3600\n"
    assert checked(STORED + killed.format(3), (1, job(attempts=2))).wrong == []
    assert checked(STORED + killed.format(4.5), (1, job(attempts=2))).overlapping
