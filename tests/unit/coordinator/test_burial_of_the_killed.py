"""Settling what a worker held that was killed: for its job's sake, at the end of a farm, or by the kernel."""

from __future__ import annotations

from typing import Any

import pytest

from forge_jobs.model.job import JobRecord
from forge_jobs.model.states import Cause, Gate, Status
from forge_jobs.model.stops import StopReason
from forge_jobs.settling import Settler
from forge_jobs.storage import Storage
from forge_jobs_supervisor.coordinator.burial import Undertaker
from forge_jobs_supervisor.messages import Died
from forge_jobs_supervisor.unix.processes import LOST_DESCRIPTORS
from tests.support.builders import a_queue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


@pytest.fixture
def undertaker(storage: Storage, clock: FakeClock) -> Undertaker:
    return Undertaker("host-a", storage, Settler("machine", 4711, lambda: 0.0), clock)


@pytest.fixture
def worker(storage: Storage) -> Hand:
    """A worker that has claimed four jobs: the first has ended, the second runs, two are held."""
    a_queue(storage, backoff_base=10)
    enqueue_some(storage, 4)
    hand = Hand(storage)
    hand.claim(rows=4)
    return hand


def bury(storage: Storage, undertaker: Undertaker, worker: Hand, **told: Any) -> list[JobRecord]:
    """Bury a worker that was killed while it ran its second job; return its jobs."""
    usual: dict[str, Any] = {
        "process_id": worker.process_id,
        "queue": "default",
        "number": 1,
        "pid": 999,
        "running": True,
        "started_no": 2,
        "exit_code": None,
        "signal": "SIGKILL",
        "wall_time": 3_000_000,
        "cpu_time": 1_500_000,
        "peak_memory": 12 * 2**20,
    }
    return [record(storage, ended.id) for ended in undertaker.bury(Died(**(usual | told)))]


def killed_for(claim_no: int, reason: StopReason, told: str = "it ran too long") -> dict[str, Any]:
    return {"stopped_claim": claim_no, "stop_reason": reason, "stopped_for": told, "killed_by_us": True}


# (why, what becomes of the job, its cause, seconds until its next attempt)
KILLED_FOR: list[tuple[StopReason, Status, Cause | None, int | None]] = [
    (StopReason.CANCEL, Status.DEAD, Cause.CANCELLED, None),
    (StopReason.TIMEOUT, Status.FAILED, Cause.TIMEOUT, 10),
    (StopReason.MEMORY, Status.FAILED, Cause.OUT_OF_MEMORY, 10),
]


@pytest.mark.parametrize(("reason", "status", "cause", "wait"), KILLED_FOR)
def test_a_job_that_did_not_stop_counts_as_stopped_by_its_reason(
    storage: Storage,
    undertaker: Undertaker,
    worker: Hand,
    clock: FakeClock,
    reason: StopReason,
    status: Status,
    cause: Cause,
    wait: int | None,
) -> None:
    running = bury(storage, undertaker, worker, **killed_for(2, reason))[1]

    assert (running.status, running.attempts) == (status, 1)
    assert wait is None or running.scheduled_at == clock.now() + wait * 1_000_000
    (entry,) = running.error_history
    assert entry.cause is cause
    assert entry.message == "it ran too long; it did not stop in time and was killed"
    assert (entry.exit_signal, entry.pid) == ("SIGKILL", 999)


def test_no_reason_is_missing_here() -> None:
    assert {reason for reason, *_ in KILLED_FOR} | {StopReason.INTERRUPT} == set(StopReason)


def test_what_the_killed_job_used_is_recorded(storage: Storage, undertaker: Undertaker, worker: Hand) -> None:
    running = bury(storage, undertaker, worker, **killed_for(2, StopReason.TIMEOUT))[1]

    assert (running.cpu_time, running.peak_memory) == (1_500_000, 12 * 2**20)
    (entry,) = running.error_history
    assert (entry.wall_seconds, entry.cpu_seconds, entry.peak_memory) == (3.0, 1.5, 12 * 2**20)


def test_a_job_that_did_not_stop_at_the_end_of_the_farm_goes_back_free(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    running = bury(storage, undertaker, worker, **killed_for(2, StopReason.INTERRUPT))[1]

    assert (running.status, running.gate, running.attempts) == (Status.PENDING, Gate.READY, 0)
    assert running.error_history == ()


@pytest.mark.parametrize("reason", StopReason)
def test_the_held_jobs_of_a_killed_worker_go_back_free(
    storage: Storage, undertaker: Undertaker, worker: Hand, reason: StopReason
) -> None:
    for job in bury(storage, undertaker, worker, **killed_for(2, reason))[2:]:
        assert (job.status, job.gate, job.attempts, job.error_history) == (Status.PENDING, Gate.READY, 0, ())


@pytest.mark.parametrize("told", [{"killed_by_us": True}, *(killed_for(2, reason) for reason in StopReason)])
def test_a_job_that_had_ended_does_not_run_again_without_a_trace_when_we_kill_its_worker(
    storage: Storage, undertaker: Undertaker, worker: Hand, told: dict[str, Any]
) -> None:
    ended = bury(storage, undertaker, worker, **told)[0]

    assert (ended.status, ended.attempts) == (Status.FAILED, 1)
    (entry,) = ended.error_history
    assert (entry.cause, entry.exit_signal) == (Cause.LOST, "SIGKILL")
    assert entry.message == "the job had ended, but the worker died before that was recorded: killed by SIGKILL"


def test_a_worker_that_we_killed_after_its_last_job_had_ended_leaves_a_trace_of_it(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    jobs = bury(storage, undertaker, worker, killed_by_us=True, running=False)

    assert [job.attempts for job in jobs] == [1, 1, 0, 0]


def test_a_job_that_started_while_the_one_before_was_killed_goes_back_free(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    stopped, running, *held = bury(storage, undertaker, worker, **killed_for(1, StopReason.CANCEL))

    assert [entry.cause for entry in stopped.error_history] == [Cause.CANCELLED]
    for job in (running, *held):
        assert (job.status, job.attempts, job.error_history) == (Status.PENDING, 0, ())


def test_a_kill_for_a_claim_that_is_recorded_already_hits_nobody(storage: Storage, undertaker: Undertaker) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    first, _second = hand.claim(rows=2)
    hand.hand_in(hand.done(first))

    (running,) = bury(storage, undertaker, hand, **killed_for(1, StopReason.CANCEL))

    assert (running.status, running.attempts) == (Status.PENDING, 0)
    assert record(storage, first.id).status is Status.DONE


def test_what_a_worker_ran_and_held_that_we_killed_for_none_of_its_jobs_goes_back_free(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    for job in bury(storage, undertaker, worker, killed_by_us=True)[1:]:
        assert (job.status, job.gate, job.attempts, job.error_history) == (Status.PENDING, Gate.READY, 0, ())


def test_a_bystander_that_somebody_cancelled_as_well_is_cancelled(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    claims = storage.registry.claims_of([worker.process_id])[worker.process_id]
    storage.operator.cancel(only(claims[2].id), 10, 0)

    jobs = bury(storage, undertaker, worker, **killed_for(2, StopReason.TIMEOUT))

    assert [job.status for job in jobs] == ["failed", "failed", "dead", "pending"]
    (entry,) = jobs[2].error_history
    assert (entry.cause, entry.message, jobs[2].attempts) == (Cause.CANCELLED, "cancelled before it ran", 0)


def test_a_job_that_the_kernel_killed_for_want_of_memory_is_told_so_with_its_peak(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    running = bury(storage, undertaker, worker, out_of_memory=True)[1]

    assert (running.status, running.attempts) == (Status.FAILED, 1)
    (entry,) = running.error_history
    assert (entry.cause, entry.peak_memory) == (Cause.OUT_OF_MEMORY, 12 * 2**20)
    assert entry.message.endswith("killed by the kernel, which had no memory left; its peak was 12.0 MiB")


def test_a_job_whose_handler_closed_the_workers_descriptors_is_told_so(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    running = bury(storage, undertaker, worker, signal=None, exit_code=LOST_DESCRIPTORS)[1]

    (entry,) = running.error_history
    assert (entry.cause, entry.exit_code) == (Cause.CRASHED, 71)
    assert entry.message.endswith("its handler had closed the worker's file descriptors")
