"""Events: the transaction that ends a job stores a job that says so, if somebody listens, whoever ends it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.events import EVENT_KIND, EVENTS, JobEvent
from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.limits import KindRules
from forge_jobs.model.states import Cause, Status
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import done, given_back
from forge_jobs.storage.records import JobFilter
from tests.contract.test_doorbell import heard
from tests.support.builders import a_job
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def listen(storage: Storage, *events: str, kind: str = "work") -> None:
    storage.limits.declare([KindRules(kind=kind, events=events)])


def told(storage: Storage) -> list[JobEvent]:
    """Return the events that wait to be carried, in the order of their storing."""
    records, _ = storage.operator.find(JobFilter(kind=EVENT_KIND), 1000, None)
    whole = [storage.operator.get(record.id) for record in reversed(records)]
    return [msgspec.json.decode(record.payload, type=JobEvent) for record in whole if record]


def names(storage: Storage) -> list[tuple[str, str]]:
    return [(event.event, event.job_id) for event in told(storage)]


def enqueue(storage: Storage, number: int = 1, **options: object) -> list[str]:
    return [answer.id for answer in storage.producer.enqueue([a_job(**options) for _ in range(number)])]


def ends_of(hand: Hand, *causes: tuple[Status, Cause]) -> None:
    """Claim one job for each and end it so."""
    for status, cause in causes:
        claim = hand.take()
        error = hand.error(claim, "no luck", cause)
        due = hand.storage.clock.now() + 3600 * MICROSECONDS if status is Status.FAILED else None
        assert hand.hand_in(hand.ended(claim, status, error=error, scheduled_at=due)) == []


# -- what a worker hands in -------------------------------------------------------------------------------------------


def test_nothing_is_told_where_nobody_listens(storage: Storage) -> None:
    listen(storage, *EVENTS, kind="other")
    hand = Hand(storage)
    enqueue(storage, 2)
    hand.bury_one()
    hand.hand_in(done(hand.take(), hand.process_id, b"1", 1, 2, heard=True))

    assert told(storage) == []


def test_an_event_says_what_became_of_the_job(storage: Storage, clock: FakeClock) -> None:
    listen(storage, "dead")
    (job_id,) = enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    error = hand.error(claim, "hopeless")
    hand.hand_in(hand.ended(claim, Status.DEAD, error=error))

    assert told(storage) == [
        JobEvent(event="dead", job_id=job_id, kind="work", queue="default", attempt=1, at=clock.now(), error=error)
    ]


def test_each_end_has_its_events_and_only_those_that_are_wanted(storage: Storage) -> None:
    listen(storage, "failed", "dead", "cancelled", "crashed")
    ids = enqueue(storage, 5)
    ends_of(
        Hand(storage),
        (Status.FAILED, Cause.ERROR),
        (Status.DEAD, Cause.ERROR),
        (Status.DEAD, Cause.CANCELLED),
        (Status.FAILED, Cause.CRASHED),
        (Status.DEAD, Cause.LOST),
    )

    assert [(event, ids.index(job_id)) for event, job_id in names(storage)] == [
        ("failed", 0), ("dead", 1), ("cancelled", 2), ("failed", 3), ("crashed", 3), ("dead", 4), ("crashed", 4),
    ]  # fmt: skip


def test_an_event_that_is_not_wanted_is_not_told(storage: Storage) -> None:
    listen(storage, "crashed")
    enqueue(storage, 2)
    ends_of(Hand(storage), (Status.DEAD, Cause.ERROR), (Status.FAILED, Cause.ERROR))

    assert told(storage) == []


def test_a_success_is_told_where_the_worker_says_that_it_is_listened_for(storage: Storage) -> None:
    listen(storage, "done")
    first, second, third = enqueue(storage, 3)
    hand = Hand(storage)
    claims = hand.claim(3)
    now = storage.clock.now()
    ends = [done(claim, hand.process_id, b"1", now, now, heard=claim.id != second) for claim in claims]
    hand.hand_in(*ends)

    assert sorted(names(storage)) == sorted([("done", first), ("done", third)])
    assert {event.attempt for event in told(storage)} == {1}


def test_what_is_handed_in_twice_is_told_once(storage: Storage) -> None:
    listen(storage, *EVENTS)
    enqueue(storage, 2)
    hand = Hand(storage)
    now = storage.clock.now()
    ends = [done(hand.take(), hand.process_id, b"1", now, now, heard=True), hand.dead(hand.take())]
    hand.hand_in(*ends)
    hand.hand_in(*ends)

    assert sorted(event for event, _ in names(storage)) == ["dead", "done"]


def test_what_is_refused_is_not_told(storage: Storage) -> None:
    listen(storage, *EVENTS)
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    hand.hand_in(given_back(claim, hand.process_id, storage.clock.now()))
    other = Hand(storage)
    other.take()
    now = storage.clock.now()

    assert hand.hand_in(hand.dead(claim)) == [claim.claim_no]
    assert hand.hand_in(done(claim, hand.process_id, b"1", now, now, heard=True)) == [claim.claim_no]
    assert told(storage) == []


def test_a_job_that_is_given_back_has_no_event(storage: Storage) -> None:
    listen(storage, *EVENTS)
    enqueue(storage, 2)
    hand = Hand(storage)
    hand.hand_in(hand.back(hand.take(), wait=3600))
    hand.hand_in(given_back(hand.take(), hand.process_id, storage.clock.now()))

    assert told(storage) == []


def test_a_failure_that_turns_out_to_be_cancelled_is_told_as_that(storage: Storage) -> None:
    listen(storage, *EVENTS)
    (job_id,) = enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    storage.operator.cancel(JobFilter(ids=[job_id]), 10, 0)
    hand.hand_in(hand.failed(claim, wait=3600))

    assert names(storage) == [("cancelled", job_id)]


def test_the_end_within_a_handlers_transaction_is_told(storage: Storage) -> None:
    listen(storage, "done")
    (job_id,) = enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    now = storage.clock.now()
    with storage.worker_queue.completing(lambda: done(claim, hand.process_id, b"1", now, now, heard=True)):
        assert told(storage) == []

    assert names(storage) == [("done", job_id)]


# -- what nobody hands in ---------------------------------------------------------------------------------------------


def test_the_jobs_of_a_dead_worker_are_told_of(storage: Storage) -> None:
    listen(storage, *EVENTS)
    (job_id,) = enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    error = hand.error(claim, "killed by SIGKILL", Cause.CRASHED)
    due = storage.clock.now() + 3600 * MICROSECONDS
    storage.registry.bury(
        hand.process_id, [hand.ended(claim, Status.FAILED, error=error, scheduled_at=due)], "another host"
    )

    assert names(storage) == [("failed", job_id), ("crashed", job_id)]


@pytest.mark.parametrize("retrying", [False, True])
def test_a_cancel_of_a_waiting_job_is_told(storage: Storage, retrying: bool) -> None:
    listen(storage, "cancelled", "dead")
    (job_id,) = enqueue(storage)
    if retrying:
        Hand(storage).fail(wait=3600)
    storage.operator.cancel(JobFilter(ids=[job_id]), 10, 0)
    (event,) = told(storage)

    assert (event.event, event.job_id, event.attempt) == ("cancelled", job_id, int(retrying))
    assert isinstance(event.error, ErrorEntry)
    assert event.error.cause is Cause.CANCELLED


def test_other_verbs_tell_nothing(storage: Storage) -> None:
    listen(storage, *EVENTS)
    (job_id,) = enqueue(storage)
    Hand(storage).fail(wait=3600)
    before = names(storage)
    for verb in (storage.operator.retry, storage.operator.run_now, storage.operator.delete):
        verb(JobFilter(ids=[job_id]), 10, 0)

    assert names(storage) == before == [("failed", job_id)]


def test_a_job_that_is_too_late_is_told_of(storage: Storage, clock: FakeClock) -> None:
    listen(storage, *EVENTS)
    now = clock.now()
    ids = enqueue(storage, 2, expires_at=now + MICROSECONDS)
    clock.advance(2)

    assert storage.upkeep.expire(10) == 2
    assert sorted(names(storage)) == sorted(("dead", job_id) for job_id in ids)
    assert {event.error.cause for event in told(storage) if event.error} == {Cause.EXPIRED}


# -- how events travel ------------------------------------------------------------------------------------------------


def carriers(hand: Hand, rows: int = 10) -> Sequence[str]:
    return [claim.kind for claim in hand.claim(rows)]


def test_events_come_before_the_jobs_of_their_queue(storage: Storage) -> None:
    listen(storage, "dead")
    hand = Hand(storage, kinds=("work", EVENT_KIND))
    enqueue(storage, 2)
    hand.bury_one()

    assert carriers(hand) == [EVENT_KIND, "work"]


def test_the_jobs_that_carry_events_have_none_themselves(storage: Storage) -> None:
    listen(storage, *EVENTS)
    listen(storage, *EVENTS, kind=EVENT_KIND)
    hand = Hand(storage, kinds=("work", EVENT_KIND))
    enqueue(storage)
    hand.bury_one()
    hand.bury_one()

    assert [event.kind for event in told(storage)] == ["work"]


def test_a_long_trace_goes_with_its_event(storage: Storage) -> None:
    listen(storage, "dead")
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    error = ErrorEntry(at=1, attempt=1, cause=Cause.ERROR, message="é" * 8000, traceback="t" * 8000)
    hand.hand_in(hand.ended(claim, Status.DEAD, error=error))
    (event,) = told(storage)

    assert event.error == error


def test_whoever_sleeps_is_woken_for_an_event(storage: Storage) -> None:
    listen(storage, "cancelled", "dead")
    waiting, running = enqueue(storage, delay=3600 * MICROSECONDS) + enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    bell = storage.doorbell("host-a")
    bell.rings()
    storage.operator.cancel(JobFilter(ids=[waiting]), 10, 0)
    assert heard(bell) == [("default", 1, None)]
    storage.registry.bury(hand.process_id, [hand.dead(claim)], "host-b")
    assert heard(bell) == [("default", 1, None)]

    assert names(storage) == [("cancelled", waiting), ("dead", running)]
    bell.close()
