"""Doorbell: a coordinator hears that there is work."""

from __future__ import annotations

import select
from collections.abc import Iterator

import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.storage import Storage
from forge_jobs.storage.ports import Doorbell
from forge_jobs.storage.records import Edit
from tests.support.backends import Backend
from tests.support.builders import a_job, a_queue, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand

WITHIN = 3.0
"""Seconds a ring may take on the slowest database."""


@pytest.fixture
def bell(storage: Storage) -> Iterator[Doorbell]:
    storage.schema.create()
    made = storage.doorbell("host-a")
    yield made
    made.close()


def heard(bell: Doorbell, number: int = 1) -> list[tuple[str, int, int | None]]:
    """Return the rings once there are ``number`` of them."""
    rings: list[tuple[str, int, int | None]] = []
    while len(rings) < number:
        assert has_rung(bell, WITHIN), f"nobody rang; heard only {rings}"
        rings += bell.rings()
    return rings


def is_silent(bell: Doorbell) -> bool:
    return not has_rung(bell, 0.0)


def has_rung(bell: Doorbell, within: float) -> bool:
    waiting = select.poll()
    waiting.register(bell, select.POLLIN)
    return bool(waiting.poll(within * 1000))


def test_nobody_rings_without_a_reason(bell: Doorbell) -> None:
    assert is_silent(bell)
    assert bell.rings() == []


def test_an_enqueue_rings(storage: Storage, bell: Doorbell) -> None:
    enqueue(storage, queue="media")

    assert heard(bell) == [("media", 1, None)]
    assert is_silent(bell)


def test_a_bulk_rings_once_for_each_queue_and_says_how_many_jobs_there_are(storage: Storage, bell: Doorbell) -> None:
    storage.producer.enqueue([a_job(queue=queue) for queue in ("a", "b", "a", "a")])

    assert sorted(heard(bell, 2)) == [("a", 3, None), ("b", 1, None)]


def test_a_scheduled_job_rings_with_its_due_time(storage: Storage, bell: Doorbell, clock: FakeClock) -> None:
    due = [clock.now() + tenths * MICROSECONDS // 10 for tenths in (7, 2, 5)]
    storage.producer.enqueue([a_job(run_at=instant) for instant in due])

    assert heard(bell) == [("default", 0, due[1])]


def test_ready_and_scheduled_jobs_of_one_bulk_are_told_together(
    storage: Storage, bell: Doorbell, clock: FakeClock
) -> None:
    due = clock.now() + MICROSECONDS // 2
    storage.producer.enqueue([a_job(), a_job(run_at=due), a_job()])

    assert heard(bell) == [("default", 2, due)]


def test_a_job_that_was_there_already_does_not_ring(storage: Storage, bell: Doorbell) -> None:
    enqueue(storage, unique_key="k")
    heard(bell)
    enqueue(storage, unique_key="k")

    assert is_silent(bell)


def test_every_coordinator_hears(storage: Storage, bell: Doorbell) -> None:
    other = storage.doorbell("host-b")
    enqueue(storage)

    assert heard(bell) == heard(other) == [("default", 1, None)]
    other.close()


def test_a_producer_elsewhere_rings_too(backend: Backend, bell: Doorbell, clock: FakeClock) -> None:
    enqueue(backend.open(clock))

    assert heard(bell) == [("default", 1, None)]


def test_a_doorbell_hung_up_later_is_heard_too(storage: Storage) -> None:
    enqueue(storage)
    bell = storage.doorbell("host-late")
    enqueue(storage)

    assert heard(bell) == [("default", 1, None)]
    bell.close()


def test_a_coordinator_that_died_without_leaving_can_hang_up_its_doorbell_again(storage: Storage) -> None:
    storage.schema.create()
    first = storage.doorbell("host-a")
    second = storage.doorbell("host-a")
    enqueue(storage)

    assert heard(second) == [("default", 1, None)]
    second.close()
    first.close()


def test_enqueueing_goes_on_when_nobody_listens_any_more(storage: Storage, bell: Doorbell) -> None:
    bell.close()

    assert enqueue(storage)


def test_enqueueing_goes_on_when_nobody_reads_the_rings(storage: Storage, bell: Doorbell) -> None:
    for _ in range(1000):
        enqueue(storage)

    assert heard(bell)
    assert storage.operator.counts()["default"].pending == 1000


def test_an_operators_retry_rings(storage: Storage, bell: Doorbell) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    ids = [hand.bury_one(), hand.bury_one()]
    heard(bell)

    storage.operator.retry(only(*ids), 10, 0)

    assert heard(bell) == [("default", 2, None)]


def test_a_job_run_now_rings(storage: Storage, bell: Doorbell, clock: FakeClock) -> None:
    job_id = enqueue(storage, run_at=clock.now() + MICROSECONDS // 2)
    heard(bell)

    storage.operator.run_now(only(job_id), 10, 0)

    assert heard(bell) == [("default", 1, None)]


def test_verbs_that_make_nothing_ready_do_not_ring(storage: Storage, bell: Doorbell) -> None:
    one, other = enqueue_some(storage, 2)
    heard(bell)

    storage.operator.retry(only(one), 10, 0)
    storage.operator.cancel(only(one), 10, 0)
    storage.operator.delete(only(other), 10, 0)

    assert is_silent(bell)


def test_a_failed_attempt_rings_with_the_time_of_the_next(storage: Storage, bell: Doorbell, clock: FakeClock) -> None:
    enqueue(storage)
    heard(bell)

    Hand(storage).fail(wait=0.5)

    assert heard(bell) == [("default", 0, clock.now() + MICROSECONDS // 2)]


# -- operators want something ----------------------------------------------------------------------------------------

ATTENTION = ("", 0, None)
"""A ring without a queue: look at once at cancels, settings and questions."""


@pytest.fixture
def bells(storage: Storage, bell: Doorbell) -> Iterator[list[Doorbell]]:
    """Those of two hosts."""
    other = storage.doorbell("host-b")
    yield [bell, other]
    other.close()


def attention_only(bells: list[Doorbell]) -> bool:
    return [heard(bell) for bell in bells] == [[ATTENTION]] * 2 and all(is_silent(bell) for bell in bells)


def test_a_cancel_of_running_jobs_rings_once_for_them_all(storage: Storage, bells: list[Doorbell]) -> None:
    ids = enqueue_some(storage, 3)
    Hand(storage).claim(rows=2)
    for bell in bells:
        heard(bell)

    storage.operator.cancel(only(*ids), 10, 0)

    assert attention_only(bells)


def test_a_cancel_of_what_does_not_run_does_not_ring(storage: Storage, bell: Doorbell) -> None:
    ids = enqueue_some(storage, 3)
    hand = Hand(storage)
    hand.finish()
    hand.bury_one()
    heard(bell)

    storage.operator.cancel(only(*ids), 10, 0)

    assert is_silent(bell)


def test_a_change_of_a_queue_rings(storage: Storage, bells: list[Doorbell]) -> None:
    a_queue(storage)
    assert all(is_silent(bell) for bell in bells)

    storage.queue_config.change_queue("default", {"max_workers": 3})

    assert attention_only(bells)


def test_a_change_of_a_queue_that_is_not_there_does_not_ring(storage: Storage, bell: Doorbell) -> None:
    storage.queue_config.change_queue("nobody", {"max_workers": 3})

    assert is_silent(bell)


def test_a_question_rings_and_its_answer_does_not(storage: Storage, bells: list[Doorbell]) -> None:
    number = storage.control.ask("host-b", None, "watch")
    assert attention_only(bells)

    storage.control.answer(number, "")

    assert all(is_silent(bell) for bell in bells)


def test_moved_jobs_ring_in_their_new_queue(storage: Storage, bell: Doorbell) -> None:
    jobs = enqueue_some(storage, 2)
    heard(bell)

    storage.operator.move(only(*jobs), 10, 0, "other")

    assert heard(bell) == [("other", 2, None)]
    assert is_silent(bell)


def test_a_new_time_of_a_job_rings(storage: Storage, bell: Doorbell, clock: FakeClock) -> None:
    job_id = enqueue(storage, run_at=clock.now() + MICROSECONDS // 10)
    heard(bell)
    soon = clock.now() + MICROSECONDS // 2

    storage.operator.edit(only(job_id), 10, 0, Edit(run_at=soon))
    assert heard(bell) == [("default", 0, soon)]
    storage.operator.edit(only(job_id), 10, 0, Edit(run_at=clock.now()))
    assert heard(bell) == [("default", 1, None)]
