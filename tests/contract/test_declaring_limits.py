"""Limits that are declared anew hold for what is there already, also when whoever declares them dies in the middle."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import pytest

from forge_jobs.model.limits import KindRules
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import ALL, a_job, a_living_host, a_queue, enqueue_some
from tests.support.clock import FakeClock
from tests.support.dying import dies_at
from tests.support.hands import Hand
from tests.support.limits import declare, for_tenant, give_out

MANY = 1100
"""More than is done in one transaction."""


def declares(backend: Backend, clock: FakeClock, rules: KindRules) -> None:
    """Declare limits as a program of its own."""
    backend.open(clock).limits.declare([rules])


def ready(storage: Storage) -> list[str]:
    """Return the jobs that may be claimed."""
    return [job.id for job in storage.operator.find(ALL, 3 * MANY, None)[0] if job.gate == 0]


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


# -- another concurrency key -------------------------------------------------------------------------------------------

BEFORE: dict[str, Any] = {"max_running": 10}
AFTER: dict[str, Any] = {"max_running": 10, "max_running_per_key": 1, "concurrency_key": "tenant"}


def come_due(storage: Storage, clock: FakeClock) -> None:
    """Let a second go by, and a coordinator do what is due then."""
    clock.advance(1)
    storage.upkeep.open_due(100)
    give_out(storage)


def test_another_key_holds_for_jobs_that_wait_for_their_time(storage: Storage, clock: FakeClock) -> None:
    declare(storage, **BEFORE)
    for_tenant(storage, "a", 3, delay=1_000_000)

    declare(storage, **AFTER)
    come_due(storage, clock)

    assert len(Hand(storage).claim(5)) == 1


def test_another_key_holds_for_jobs_that_wait_for_their_next_try(storage: Storage, clock: FakeClock) -> None:
    declare(storage, **BEFORE)
    for_tenant(storage, "a", 3)
    hand = Hand(storage)
    hand.hand_in(*[hand.failed(claim, wait=1) for claim in hand.claim(5)])

    declare(storage, **AFTER)
    come_due(storage, clock)

    assert len(hand.claim(5)) == 1


def test_another_key_holds_for_jobs_of_a_paused_queue(storage: Storage) -> None:
    a_queue(storage)
    declare(storage, **BEFORE)
    for_tenant(storage, "a", 3)
    storage.queue_config.change_queue("default", {"paused": True})

    declare(storage, **AFTER)
    storage.queue_config.change_queue("default", {"paused": False})
    give_out(storage)

    assert len(Hand(storage).claim(5)) == 1


def test_another_key_holds_for_jobs_that_nobody_knew(storage: Storage, backend: Backend) -> None:
    a_queue(storage)
    declare(storage, **BEFORE)
    for_tenant(storage, "a", 3)
    a_living_host(storage, backend, kinds=("other",))
    storage.upkeep.park_unserved(100)
    assert Hand(storage).claim() == []

    declare(storage, **AFTER)
    a_living_host(storage, backend, "host-b")
    claims = Hand(storage).claim(5)  # they are put under the limits as somebody would claim them
    give_out(storage)

    assert len([*claims, *Hand(storage).claim(5)]) == 1


def test_a_running_job_has_a_place_of_its_new_key(storage: Storage) -> None:
    declare(storage, **BEFORE)
    for_tenant(storage, "a", 2)
    hand = Hand(storage)
    running = hand.take()

    declare(storage, **AFTER)
    for_tenant(storage, "b", 2)
    free = hand.claim(5)
    hand.hand_in(hand.done(running))
    give_out(storage)

    assert [claim.limit_key for claim in free] == ["b"]
    assert [claim.limit_key for claim in hand.claim(5)] == ["a"]


@pytest.mark.parametrize("wait", [0, 1])
def test_running_jobs_that_get_one_key_are_tried_again_one_after_the_other(
    storage: Storage, clock: FakeClock, wait: int
) -> None:
    declare(storage, **BEFORE)
    for_tenant(storage, "a", 3)
    hand = Hand(storage)
    running = hand.claim(5)

    declare(storage, **AFTER)
    hand.hand_in(*[hand.failed(claim, wait=wait) for claim in running])
    come_due(storage, clock)

    assert [claim.id for claim in hand.claim(5)] == [running[0].id]


def test_another_key_leaves_running_jobs_the_places_of_their_kind(storage: Storage) -> None:
    declare(storage, max_running=2)
    for tenant in "abcd":
        for_tenant(storage, tenant)
    hand = Hand(storage)
    assert len(hand.claim(5)) == 2

    declare(storage, max_running=2, max_running_per_key=1, concurrency_key="tenant")

    assert hand.claim(5) == []


def test_another_key_is_found_for_all_jobs_although_declarers_die(backend: Backend, clock: FakeClock) -> None:
    storage = backend.open(clock)
    declare(storage, **BEFORE)
    storage.producer.enqueue([a_job(payload=b'{"tenant":"a"}', delay=1_000_000) for _ in range(MANY)])
    deaths, number = 0, 1

    while dies_at(number, partial(declares, backend, clock, KindRules(kind="work", **AFTER))):
        deaths, number = deaths + 1, 2 * number

    assert deaths
    assert {job.limit_key for job in storage.operator.find(ALL, 2 * MANY, None)[0]} == {"a"}
