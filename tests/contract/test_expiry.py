"""A job's own limits: a time limit for each attempt, and a moment from which on it is pointless to start it."""

from __future__ import annotations

import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.job import JobRecord
from forge_jobs.model.states import Cause, Gate, Status
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import ALL, a_job, a_living_host, a_queue, enqueue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand

LARGE = b'"' + b"x" * 5000 + b'"'
SOON = 10


@pytest.fixture
def soon(clock: FakeClock) -> int:
    """The instant of ten seconds from now."""
    return clock.now() + SOON * MICROSECONDS


# -- what is stored comes back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, (None, None)),
        ({"time_limit": 1}, (1, None)),
        ({"time_limit": 2**62, "expires_at": 2**62}, (2**62, 2**62)),
        ({"unique_key": "k", "time_limit": 5, "expires_at": 2**62}, (5, 2**62)),
        ({"payload": LARGE, "time_limit": 5, "expires_at": 2**62}, (5, 2**62)),
    ],
    ids=["none", "a time limit", "both", "with a key", "with a large payload"],
)
def test_the_limits_of_a_job_are_in_its_claim_and_in_every_look_up(
    storage: Storage, options: dict[str, int], kept: tuple[int | None, int | None]
) -> None:
    job_id = enqueue(storage, **options)

    claim = Hand(storage).take()

    assert (claim.time_limit, claim.expires_at) == kept
    found: list[JobRecord] = [
        record(storage, job_id),
        *storage.operator.find(ALL, 10, None)[0],
        *storage.operator.find(only(job_id), 10, None)[0],
    ]
    assert [(job.time_limit, job.expires_at) for job in found] == [kept] * 3


def test_jobs_of_one_bulk_keep_each_its_own(storage: Storage, soon: int) -> None:
    jobs = [a_job(time_limit=n + 1, expires_at=soon + n, unique_key=f"{n}" if n % 2 else None) for n in range(4)]
    storage.producer.enqueue(jobs)

    claims = Hand(storage).claim(rows=9)

    assert [(c.time_limit, c.expires_at) for c in claims] == [(n + 1, soon + n) for n in range(4)]


def test_they_are_there_in_the_next_attempt_too(storage: Storage, soon: int) -> None:
    enqueue(storage, time_limit=7, expires_at=soon)
    hand = Hand(storage)
    hand.fail()

    again = hand.take()

    assert (again.attempt, again.time_limit, again.expires_at) == (2, 7, soon)


# -- too late --------------------------------------------------------------------------------------------------------


def test_a_job_is_claimed_until_it_is_too_late_and_never_after(storage: Storage, clock: FakeClock, soon: int) -> None:
    enqueue_some(storage, 2, expires_at=soon)
    hand = Hand(storage)

    clock.advance(SOON - 0.000_001)
    assert len(hand.claim()) == 1
    clock.advance(0.000_001)
    assert hand.claim() == []


def test_jobs_that_are_too_late_hold_up_nobody_behind_them(storage: Storage, clock: FakeClock, soon: int) -> None:
    enqueue_some(storage, 3, expires_at=soon, priority=-1)
    behind = enqueue_some(storage, 2)
    clock.advance(SOON)

    assert [claim.id for claim in Hand(storage).claim(rows=2)] == behind


def test_a_job_that_is_too_late_ends_dead_and_is_counted(storage: Storage, clock: FakeClock, soon: int) -> None:
    job_id = enqueue(storage, expires_at=soon, unique_key="k")
    clock.advance(SOON)

    assert storage.upkeep.expire(10) == 1

    found = record(storage, job_id)
    assert (found.status, found.gate, found.attempts, found.finished_at) == (Status.DEAD, None, 0, clock.now())
    (entry,) = found.error_history
    assert (entry.cause, entry.at, entry.attempt) == (Cause.EXPIRED, clock.now(), 0)
    counts = storage.operator.counts()["default"]
    assert (counts.pending, counts.dead) == (0, 1)
    assert enqueue(storage, unique_key="k") != job_id, "its key is free again"


def test_nothing_expires_before_its_time(storage: Storage, clock: FakeClock, soon: int) -> None:
    enqueue(storage, expires_at=soon)
    enqueue(storage)
    clock.advance(SOON - 0.000_001)

    assert storage.upkeep.expire(10) == 0
    assert storage.operator.counts()["default"].pending == 2


def test_a_job_may_be_too_late_when_it_is_enqueued(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage, expires_at=clock.now())

    assert Hand(storage).claim() == []
    assert storage.upkeep.expire(10) == 1
    assert record(storage, job_id).status is Status.DEAD


def test_jobs_expire_in_slices_the_longest_overdue_first(storage: Storage, clock: FakeClock, soon: int) -> None:
    jobs = [a_job(expires_at=soon - late) for late in (0, 4, 1, 3, 2)]
    storage.producer.enqueue(jobs)
    clock.advance(SOON)

    slices = [storage.upkeep.expire(2)]
    overdue = [record(storage, job.id).status is Status.DEAD for job in jobs]
    slices += [storage.upkeep.expire(2) for _ in range(3)]

    assert overdue == [False, True, False, True, False]
    assert slices == [2, 2, 1, 0]
    assert storage.operator.counts()["default"].dead == 5


def test_a_running_job_goes_on_and_expires_when_it_waits_again(storage: Storage, clock: FakeClock, soon: int) -> None:
    job_id = enqueue(storage, expires_at=soon)
    hand = Hand(storage)
    claim = hand.take()
    clock.advance(SOON)

    assert storage.upkeep.expire(10) == 0
    assert record(storage, job_id).status is Status.IN_PROGRESS
    hand.hand_in(hand.failed(claim))
    assert hand.claim() == []
    assert storage.upkeep.expire(10) == 1
    found = record(storage, job_id)
    assert (found.status, found.attempts) == (Status.DEAD, 1)
    assert [entry.cause for entry in found.error_history] == [Cause.ERROR, Cause.EXPIRED]


def test_a_job_that_ends_well_after_its_time_is_done(storage: Storage, clock: FakeClock, soon: int) -> None:
    enqueue(storage, expires_at=soon)
    hand = Hand(storage)
    claim = hand.take()
    clock.advance(SOON)

    assert hand.hand_in(hand.done(claim)) == []

    assert storage.upkeep.expire(10) == 0
    assert record(storage, claim.id).status is Status.DONE


def test_jobs_expire_wherever_they_wait(storage: Storage, backend: Backend, clock: FakeClock, soon: int) -> None:
    """Scheduled for later, waiting for the next attempt, in a paused queue, or of a kind that nobody knows."""
    a_living_host(storage, backend, kinds=["work"])
    a_queue(storage, "quiet", paused=True)
    enqueue(storage, expires_at=soon)
    retrying = Hand(storage).fail(wait=3600)
    scheduled = enqueue(storage, expires_at=soon, run_at=soon + 1)
    paused = enqueue(storage, queue="quiet", expires_at=soon)
    unknown = enqueue(storage, "unknown", expires_at=soon)
    storage.upkeep.park_unserved(10)
    assert record(storage, unknown).gate is Gate.UNSERVED
    clock.advance(SOON)

    assert storage.upkeep.expire(10) == 4

    for job_id in (retrying, scheduled, paused, unknown):
        assert record(storage, job_id).status is Status.DEAD
    assert storage.upkeep.open_due(10).next_due is None


def test_what_has_ended_does_not_expire(storage: Storage, clock: FakeClock, soon: int) -> None:
    enqueue_some(storage, 3, expires_at=soon)
    hand = Hand(storage)
    ended = [hand.finish(), hand.bury_one()]
    storage.operator.cancel(ALL, 10, 0)
    before = [record(storage, job_id) for job_id in ended]
    clock.advance(SOON)

    assert storage.upkeep.expire(10) == 0
    assert [record(storage, job_id) for job_id in ended] == before
