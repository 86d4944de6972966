"""Settling what a dead process held: what its obituary says of each claim."""

from __future__ import annotations

from typing import Any

import pytest

from forge_jobs.model.job import JobRecord
from forge_jobs.model.states import Cause, Gate, Status
from forge_jobs.settling import Settler
from forge_jobs.storage import Storage
from forge_jobs_supervisor.coordinator.burial import Undertaker
from forge_jobs_supervisor.messages import Died
from tests.support.builders import a_queue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


@pytest.fixture
def undertaker(storage: Storage, clock: FakeClock) -> Undertaker:
    return Undertaker("host-a", storage, Settler("machine", 4711, lambda: 0.0), clock)


@pytest.fixture
def worker(storage: Storage) -> Hand:
    """A worker that has claimed four jobs."""
    enqueue_some(storage, 4)
    hand = Hand(storage)
    hand.claim(rows=4)
    return hand


def died(worker: Hand, **told: Any) -> Died:
    usual: dict[str, Any] = {
        "process_id": worker.process_id,
        "queue": "default",
        "number": 1,
        "pid": 999,
        "running": True,
        "started_no": 2,
        "exit_code": None,
        "signal": "SIGSEGV",
        "wall_time": 3_000_000,
        "cpu_time": 1_234_568,
        "peak_memory": 5000,
    }
    return Died(**(usual | told))


def jobs_of(storage: Storage, undertaker: Undertaker, obituary: Died) -> list[JobRecord]:
    return [record(storage, ended.id) for ended in undertaker.bury(obituary)]


def test_the_job_that_ran_crashed_and_counts_an_attempt(storage: Storage, undertaker: Undertaker, worker: Hand) -> None:
    running = jobs_of(storage, undertaker, died(worker))[1]

    assert (running.status, running.gate, running.attempts) == (Status.FAILED, Gate.READY, 1)
    (entry,) = running.error_history
    assert (entry.cause, entry.exit_signal, entry.exit_code, entry.pid) == (Cause.CRASHED, "SIGSEGV", None, 999)
    assert (entry.wall_seconds, entry.cpu_seconds, entry.peak_memory) == (3.0, 1.234568, 5000)
    assert (running.cpu_time, running.peak_memory, entry.host) == (1_234_568, 5000, "machine")
    assert entry.message == "the worker died while it ran this job: killed by SIGSEGV"


def test_a_worker_that_exited_is_told_by_its_exit_code(storage: Storage, undertaker: Undertaker, worker: Hand) -> None:
    running = jobs_of(storage, undertaker, died(worker, signal=None, exit_code=3))[1]

    assert running.error_history[0].message == "the worker died while it ran this job: exit code 3"
    assert running.error_history[0].exit_code == 3


def test_what_had_ended_and_was_not_recorded_is_lost_and_counts_an_attempt(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    ended = jobs_of(storage, undertaker, died(worker))[0]

    assert (ended.status, ended.attempts) == (Status.FAILED, 1)
    assert ended.error_history[0].cause is Cause.LOST
    assert "had ended" in ended.error_history[0].message


def test_what_was_held_goes_back_free(storage: Storage, undertaker: Undertaker, worker: Hand) -> None:
    for held in jobs_of(storage, undertaker, died(worker))[2:]:
        assert (held.status, held.gate, held.attempts) == (Status.PENDING, Gate.READY, 0)
        assert held.error_history == ()


def test_what_the_worker_used_is_told_of_the_job_that_ran_and_of_no_other(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    jobs = jobs_of(storage, undertaker, died(worker))

    assert [(job.cpu_time, job.peak_memory) for job in jobs] == [
        (None, None), (1_234_568, 5000), (None, None), (None, None)
    ]  # fmt: skip
    assert jobs[0].error_history[0].cpu_seconds is None


def test_a_worker_that_ran_nothing_had_ended_all_it_started(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    jobs = jobs_of(storage, undertaker, died(worker, running=False))

    assert [[e.cause for e in job.error_history] for job in jobs] == [[Cause.LOST], [Cause.LOST], [], []]
    assert [job.cpu_time for job in jobs] == [None] * 4


def test_a_worker_that_started_nothing_gives_everything_back(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    jobs = jobs_of(storage, undertaker, died(worker, running=False, started_no=0))

    assert [(job.status, job.attempts) for job in jobs] == [(Status.PENDING, 0)] * 4


def test_a_job_whose_worker_died_with_the_supervisor_is_lost(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    running = jobs_of(storage, undertaker, died(worker, with_supervisor=True, signal="SIGKILL"))[1]

    assert (running.status, running.attempts) == (Status.FAILED, 1)
    assert running.error_history[0].cause is Cause.LOST
    assert "supervisor" in running.error_history[0].message


def test_a_first_crash_is_tried_again_at_once_and_the_second_in_a_row_waits(
    storage: Storage, undertaker: Undertaker, clock: FakeClock
) -> None:
    a_queue(storage, backoff_base=10)
    enqueue_some(storage, 1)
    waits = []
    for _ in range(3):
        hand = Hand(storage)
        storage.upkeep.open_due(10)
        hand.take()
        (found,) = jobs_of(storage, undertaker, died(hand, started_no=1))
        waits.append((found.scheduled_at - clock.now()) / 1e6)
        clock.advance(waits[-1])

    assert waits == [0, 10, 20]


def test_the_last_attempt_is_the_end(storage: Storage, undertaker: Undertaker) -> None:
    enqueue_some(storage, 1, max_attempts=1)
    hand = Hand(storage)
    hand.take()

    (found,) = jobs_of(storage, undertaker, died(hand, started_no=1))

    assert found.status is Status.DEAD


def test_a_job_that_was_to_be_cancelled_is_not_tried_again(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    claims = storage.registry.claims_of([worker.process_id])[worker.process_id]
    storage.operator.cancel(only(claims[1].id, claims[2].id), 10, 0)

    jobs = jobs_of(storage, undertaker, died(worker))

    assert [job.status for job in jobs] == ["failed", "dead", "dead", "pending"]
    assert [job.error_history[-1].cause for job in jobs[1:3]] == [Cause.CANCELLED] * 2


def test_the_process_is_taken_off_the_registry(storage: Storage, undertaker: Undertaker, worker: Hand) -> None:
    undertaker.bury(died(worker))

    assert storage.worker_queue.exchange(worker.process_id, [], None) is None
    assert storage.registry.claims_of([worker.process_id])[worker.process_id] == []


def test_a_second_burial_settles_nothing(storage: Storage, undertaker: Undertaker, worker: Hand) -> None:
    assert len(undertaker.bury(died(worker))) == 4
    assert undertaker.bury(died(worker)) == []


def test_a_worker_that_held_nothing_is_only_taken_off(storage: Storage, undertaker: Undertaker) -> None:
    hand = Hand(storage)

    assert undertaker.bury(died(hand)) == []
    assert storage.worker_queue.exchange(hand.process_id, [], None) is None


# -- the dead of other hosts: stale work, of which no more is known than that it is stale ----------------------------


def test_of_a_process_nobody_saw_die_every_claim_may_have_been_started_and_counts(
    storage: Storage, undertaker: Undertaker, worker: Hand
) -> None:
    settled = undertaker.bury_unseen([worker.process_id])

    jobs = [record(storage, ended.id) for ended in settled]
    assert [(job.status, job.attempts) for job in jobs] == [("failed", 1)] * 4
    assert {job.error_history[0].cause for job in jobs} == {Cause.LOST}


def test_stale_work_is_tried_again_at_once_with_backoff_off(storage: Storage, undertaker: Undertaker) -> None:
    a_queue(storage, backoff_enabled=False)
    enqueue_some(storage, 1)
    hand = Hand(storage)
    hand.hand_in(hand.failed(hand.take(), crashes=3))
    hand.take()

    (settled,) = undertaker.bury_unseen([hand.process_id])

    found = record(storage, settled.id)
    assert (found.status, found.gate) == (Status.FAILED, Gate.READY)


def test_stale_work_waits_by_the_queues_backoff_from_the_second_crash_in_a_row(
    storage: Storage, undertaker: Undertaker, clock: FakeClock
) -> None:
    a_queue(storage, backoff_base=10)
    enqueue_some(storage, 1)
    hand = Hand(storage)
    hand.hand_in(hand.failed(hand.take(), crashes=1))
    hand.take()

    (settled,) = undertaker.bury_unseen([hand.process_id])

    assert record(storage, settled.id).scheduled_at == clock.now() + 10_000_000


def test_several_processes_are_settled_and_taken_off(storage: Storage, undertaker: Undertaker) -> None:
    enqueue_some(storage, 2)
    one, other, idle = Hand(storage), Hand(storage), Hand(storage)
    one.take()
    other.take()

    assert len(undertaker.bury_unseen([one.process_id, other.process_id, idle.process_id])) == 2
    assert storage.registry.census("host-a", []).dead == []


def test_nobody_to_bury_is_no_error(storage: Storage, undertaker: Undertaker) -> None:
    assert undertaker.bury_unseen([]) == []
