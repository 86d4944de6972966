"""Limits that are declared anew hold for what is there already, also when whoever declares them dies in the middle."""

from __future__ import annotations

from functools import partial
from itertools import count

from forge_jobs.model.limits import KindRules
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import ALL, a_job, enqueue_some
from tests.support.clock import FakeClock
from tests.support.dying import dies_at
from tests.support.hands import Hand
from tests.support.limits import declare, give_out

MANY = 1100
"""More than is done in one transaction."""


def test_who_dies_while_a_limit_is_lowered_has_lowered_it_or_not(backend: Backend, clock: FakeClock) -> None:
    storage = backend.open(clock)
    found = set()
    for number in count(1):
        kind = f"work-{number}"
        declare(storage, kind, max_running=10)
        enqueue_some(storage, 10, kind)
        give_out(storage)

        died = dies_at(number, partial(declares, backend, clock, KindRules(kind=kind, max_running=1)))
        give_out(storage)

        (most,) = [rules.max_running for rules in storage.limits.rules() if rules.kind == kind]
        assert len(Hand(storage, kinds=[kind]).claim(20)) == most
        found.add(most)
        if not died:
            break
    assert found == {1, 10}


def test_what_was_left_when_a_declarer_died_is_done_by_the_next(backend: Backend, clock: FakeClock) -> None:
    storage = backend.open(clock)
    enqueue_some(storage, MANY, payload=b'{"tenant":"a"}', delay=60_000_000)
    rules = KindRules(kind="work", max_running_per_key=1, concurrency_key="tenant")
    deaths, number = 0, 1

    while dies_at(number, partial(declares, backend, clock, rules)):
        deaths, number = deaths + 1, 2 * number

    assert deaths
    assert storage.limits.rules() == [rules]
    assert {job.limit_key for job in storage.operator.find(ALL, 2 * MANY, None)[0]} == {"a"}


def test_a_limit_for_more_ready_jobs_than_one_transaction_takes(storage: Storage) -> None:
    declare(storage, max_running=1)
    enqueue_some(storage, MANY)
    declare(storage)  # all are ready

    declare(storage, max_running=3)

    assert len(Hand(storage).claim(20)) == 3


def test_a_limit_for_more_keys_than_one_transaction_takes(storage: Storage) -> None:
    declare(storage, max_running_per_key=2, concurrency_key="tenant")
    jobs = [a_job(payload=b'{"tenant":"%d"}' % number) for number in range(MANY)]
    storage.producer.enqueue([*jobs, *[a_job(payload=job.payload) for job in jobs]])
    give_out(storage)

    declare(storage, max_running_per_key=1, concurrency_key="tenant")

    assert len(ready(storage)) == MANY


def test_of_two_that_declare_a_kind_the_last_one_decides(backend: Backend, clock: FakeClock) -> None:
    storage, other = backend.open(clock), backend.open(clock)
    enqueue_some(storage, 3)
    declare(storage, max_running=2)
    declare(other, max_running=1)

    assert len(Hand(storage).claim(5)) == 1
    assert storage.limits.rules() == [KindRules(kind="work", max_running=1)]


def declares(backend: Backend, clock: FakeClock, rules: KindRules) -> None:
    """Declare limits as a program of its own."""
    backend.open(clock).limits.declare([rules])


def ready(storage: Storage) -> list[str]:
    """Return the jobs that may be claimed."""
    return [job.id for job in storage.operator.find(ALL, 3 * MANY, None)[0] if job.gate == 0]
