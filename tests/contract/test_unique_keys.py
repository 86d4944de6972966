"""A unique key is held, within its kind, while its job is live."""

from __future__ import annotations

from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter
from tests.support.backends import Backend
from tests.support.builders import a_job, enqueue, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.together import together


def test_a_second_job_with_a_held_key_is_answered_with_the_first(storage: Storage) -> None:
    first = enqueue(storage, unique_key="k")

    (again,) = storage.producer.enqueue([a_job(unique_key="k")])

    assert (again.id, again.deduplicated) == (first, True)
    assert storage.operator.counts()["default"].pending == 1


def test_a_key_belongs_to_its_kind(storage: Storage) -> None:
    enqueue(storage, "one", unique_key="k")

    (other,) = storage.producer.enqueue([a_job("other", unique_key="k")])

    assert not other.deduplicated


def test_a_key_is_the_same_in_every_queue(storage: Storage) -> None:
    first = enqueue(storage, queue="here", unique_key="k")

    (again,) = storage.producer.enqueue([a_job(queue="there", unique_key="k")])

    assert (again.id, again.deduplicated) == (first, True)


def test_jobs_without_a_key_are_never_the_same(storage: Storage) -> None:
    answers = storage.producer.enqueue([a_job(), a_job(), a_job(unique_key="k")])

    assert not any(a.deduplicated for a in answers)


def test_a_running_job_holds_its_key(storage: Storage) -> None:
    first = enqueue(storage, unique_key="k")
    Hand(storage).take()

    assert enqueue(storage, unique_key="k") == first


def test_a_job_that_waits_for_its_next_attempt_holds_its_key(storage: Storage) -> None:
    first = enqueue(storage, unique_key="k")
    Hand(storage).fail(wait=60)

    assert record(storage, first).status is Status.FAILED
    assert enqueue(storage, unique_key="k") == first


def test_a_scheduled_job_holds_its_key(storage: Storage, clock: FakeClock) -> None:
    first = enqueue(storage, unique_key="k", run_at=clock.now() + 1)

    assert enqueue(storage, unique_key="k") == first


def test_a_done_job_lets_its_key_go(storage: Storage) -> None:
    first = enqueue(storage, unique_key="k")
    Hand(storage).finish()

    assert enqueue(storage, unique_key="k") != first


def test_a_dead_job_lets_its_key_go(storage: Storage) -> None:
    first = enqueue(storage, unique_key="k")
    Hand(storage).bury_one()

    assert enqueue(storage, unique_key="k") != first


def test_a_cancelled_job_lets_its_key_go(storage: Storage) -> None:
    first = enqueue(storage, unique_key="k")
    storage.operator.cancel(only(first), 10, 0)

    assert enqueue(storage, unique_key="k") != first


def test_a_deleted_job_lets_its_key_go(storage: Storage) -> None:
    first = enqueue(storage, unique_key="k")
    storage.operator.delete(only(first), 10, 0)

    assert enqueue(storage, unique_key="k") != first


def test_in_a_bulk_the_first_of_several_with_one_key_is_stored(storage: Storage) -> None:
    held = enqueue(storage, unique_key="held")
    jobs = [a_job(unique_key="a"), a_job(unique_key="held"), a_job(), a_job(unique_key="a"), a_job(unique_key="b")]

    answers = storage.producer.enqueue(jobs)

    assert [(a.id, a.deduplicated) for a in answers] == [
        (jobs[0].id, False),
        (held, True),
        (jobs[2].id, False),
        (jobs[0].id, True),
        (jobs[4].id, False),
    ]
    assert storage.operator.counts()["default"].pending == 4


def test_keys_are_compared_to_the_letter(storage: Storage) -> None:
    answers = storage.producer.enqueue([a_job(unique_key=key) for key in ("k", "K", "k ", "é", "e\u0301")])

    assert not any(a.deduplicated for a in answers)


ROUNDS = 100


def test_of_jobs_with_one_key_never_two_are_alive_however_many_enqueue_and_claim(
    backend: Backend, clock: FakeClock
) -> None:
    at_work: list[list[str | None]] = []

    def enqueue_and_run(mine: Storage) -> None:
        hand = Hand(mine)
        for number in range(ROUNDS):
            (answer,) = mine.producer.enqueue([a_job(unique_key=f"key {number % 3}")])
            assert mine.operator.get(answer.id) is not None
            claims = hand.claim()
            running, _next = mine.operator.find(JobFilter(status=Status.IN_PROGRESS), 50, None)
            at_work.append([job.unique_key for job in running])
            assert hand.hand_in(*map(hand.done, claims)) == []

    together(backend, clock, enqueue_and_run)

    assert all(len(keys) == len(set(keys)) for keys in at_work)
    assert max(len(keys) for keys in at_work) > 1, "several ran at once"
