"""How many jobs of a kind, and of a key, run at once in the whole cluster."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from forge_jobs.model.states import Gate, Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import ArchivedJob, Edit
from tests.support.backends import Backend
from tests.support.builders import a_job, a_living_host, a_queue, enqueue, enqueue_some, only, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.limits import declare, for_tenant, give_out


def test_no_more_jobs_of_a_kind_run_than_it_may(storage: Storage) -> None:
    declare(storage, max_running=2)
    enqueue_some(storage, 5)
    give_out(storage)
    hand, other = Hand(storage), Hand(storage)

    claims = [*hand.claim(1), *other.claim(5)]

    assert len(claims) == 2
    assert hand.claim(5) == []


def test_an_end_gives_its_place_to_the_next_in_the_same_exchange(storage: Storage) -> None:
    declare(storage, max_running=1)
    first, second = enqueue_some(storage, 2)
    give_out(storage)
    hand = Hand(storage)
    claim = hand.take()
    assert claim.id == first

    exchanged = hand.exchange(hand.done(claim))

    assert [one.id for one in exchanged.claims] == [second]


def test_other_kinds_are_not_held_up(storage: Storage) -> None:
    declare(storage, "heavy", max_running=1)
    enqueue_some(storage, 3, "heavy")
    light = enqueue(storage, "light")
    give_out(storage)
    hand = Hand(storage, kinds=("heavy", "light"))

    kinds = [claim.kind for claim in hand.claim(5)]

    assert kinds == ["heavy", "light"]
    assert record(storage, light).status is Status.IN_PROGRESS


def test_each_key_has_its_own_places(storage: Storage) -> None:
    declare(storage, max_running_per_key=1, concurrency_key="tenant")
    first, _second = for_tenant(storage, "a", 2)
    (third,) = for_tenant(storage, "b")

    assert [claim.id for claim in Hand(storage).claim(5)] == [first, third]


def test_a_kinds_places_are_shared_by_its_keys(storage: Storage) -> None:
    declare(storage, max_running=2, max_running_per_key=1, concurrency_key="tenant")
    for tenant in "abc":
        for_tenant(storage, tenant, 2)
    hand = Hand(storage)

    claims = hand.claim(6)
    assert len(claims) == 2
    after = hand.exchange(hand.done(claims[0]), rows=6).claims

    assert [claim.limit_key for claim in after] == ["a"], "in the order of arrival"


def test_the_key_may_be_named_with_the_job(storage: Storage) -> None:
    declare(storage, max_running_per_key=1, concurrency_key="tenant")
    enqueue(storage, payload=b'{"tenant":"a"}', concurrency_key="mine")
    enqueue(storage, payload=b'{"tenant":"b"}', concurrency_key="mine")
    give_out(storage)

    assert len(Hand(storage).claim(5)) == 1


def test_keys_that_are_no_text_are_keys_too(storage: Storage) -> None:
    declare(storage, max_running_per_key=1, concurrency_key="tenant")
    for value in (b"7", b"7", b'"7"', b"true", b"true", b"null", b"null", b"{}", b"{}", b"1.5", b"1.5"):
        enqueue(storage, payload=b'{"tenant":' + value + b"}")
    give_out(storage)

    keys = Counter(claim.limit_key for claim in Hand(storage).claim(20))

    assert keys == {"7": 1, "true": 1, "": 2, "{}": 1, "1.5": 1}


def test_jobs_enqueued_before_the_limit_are_under_it(storage: Storage) -> None:
    enqueue_some(storage, 6)
    hand = Hand(storage)
    running = hand.claim(2)

    declare(storage, max_running=3)

    assert len(hand.claim(6)) == 1
    hand.hand_in(*map(hand.done, running))
    give_out(storage)
    assert len(hand.claim(6)) == 2


def test_scheduled_jobs_come_under_a_limit_too(storage: Storage, clock: FakeClock) -> None:
    enqueue_some(storage, 3, delay=5_000_000)
    declare(storage, max_running=1)

    clock.advance(6)
    opened = storage.upkeep.open_due(10)

    assert opened.ready == {"default": 1}
    assert len(Hand(storage).claim(3)) == 1


def test_a_limit_that_is_raised_lets_more_in_and_one_that_is_lowered_fewer(storage: Storage) -> None:
    declare(storage, max_running=1)
    enqueue_some(storage, 10)
    give_out(storage)
    hand = Hand(storage)
    first = hand.claim(10)

    declare(storage, max_running=4)
    more = hand.claim(10)
    declare(storage, max_running=2)
    hand.hand_in(*map(hand.done, more[:2]))
    give_out(storage)

    assert (len(first), len(more), len(hand.claim(10))) == (1, 3, 0)


@pytest.mark.parametrize("wait", [0, 1])
@pytest.mark.parametrize("limit", ["max_running", "max_running_per_key"])
def test_a_limit_that_is_lowered_holds_for_running_jobs_that_are_tried_again(
    storage: Storage, clock: FakeClock, limit: str, wait: int
) -> None:
    declare(storage, concurrency_key="tenant", **{limit: 3})
    for_tenant(storage, "a", 3)
    hand = Hand(storage)
    running = hand.claim(5)
    assert len(running) == 3

    declare(storage, concurrency_key="tenant", **{limit: 1})
    hand.hand_in(*[hand.failed(claim, wait=wait) for claim in running])
    clock.advance(wait)
    storage.upkeep.open_due(10)
    give_out(storage)

    assert [claim.id for claim in hand.claim(5)] == [running[0].id]


def test_of_ready_jobs_the_last_in_line_lose_their_places_when_a_limit_is_lowered(storage: Storage) -> None:
    declare(storage, max_running=3)
    first, _last = enqueue(storage), enqueue(storage, priority=5)
    urgent = enqueue(storage, priority=-5)
    give_out(storage)

    declare(storage, max_running=2)

    assert [claim.id for claim in Hand(storage).claim(5)] == [urgent, first]


def test_without_its_limit_a_kind_runs_freely(storage: Storage) -> None:
    declare(storage, max_running=1, max_running_per_key=1, concurrency_key="tenant")
    for_tenant(storage, "a", 3)
    for_tenant(storage, "b", 3)

    declare(storage)

    assert len(Hand(storage).claim(10)) == 6


def test_a_crash_leaks_no_place(storage: Storage, backend: Backend) -> None:
    declare(storage, max_running=1, max_running_per_key=1, concurrency_key="tenant")
    for_tenant(storage, "a", 2)
    dead = Hand(storage)
    claim = dead.take()

    storage.registry.bury(dead.process_id, [dead.dead(claim)], "host-a")

    assert len(Hand(storage).claim(5)) == 1


def test_a_claim_that_is_given_back_keeps_its_place(storage: Storage) -> None:
    declare(storage, max_running=1)
    first, _second = enqueue_some(storage, 2)
    give_out(storage)
    hand = Hand(storage)

    storage.worker_queue.give_back_unknown(hand.process_id, [])
    hand.hand_in(hand.ended(hand.take(), Status.PENDING, attempt_back=True))

    assert [claim.id for claim in hand.claim(5)] == [first]


def test_a_job_that_waits_for_its_next_try_leaves_its_place_to_others(storage: Storage, clock: FakeClock) -> None:
    declare(storage, max_running=2, max_running_per_key=2, concurrency_key="tenant")
    ids = for_tenant(storage, "a", 3)
    hand = Hand(storage)
    first, _second = hand.claim(5)

    hand.hand_in(hand.failed(first, wait=10))
    assert [claim.id for claim in hand.claim(5)] == [ids[2]]
    clock.advance(11)
    storage.upkeep.open_due(10)

    assert hand.claim(5) == [], "both places are taken when it is due again"


def test_with_one_place_a_key_is_served_in_order_even_when_its_head_is_tried_again(
    storage: Storage, clock: FakeClock
) -> None:
    declare(storage, max_running_per_key=1, concurrency_key="tenant")
    first, second = for_tenant(storage, "a", 2)
    hand = Hand(storage)

    hand.hand_in(hand.failed(hand.take(), wait=10))
    assert hand.claim(5) == []
    clock.advance(11)
    storage.upkeep.open_due(10)
    again = hand.take()
    after = hand.exchange(hand.done(again)).claims

    assert again.id == first
    assert [claim.id for claim in after] == [second]


def test_a_snoozed_head_lets_the_next_pass(storage: Storage) -> None:
    declare(storage, max_running_per_key=1, concurrency_key="tenant")
    _first, second = for_tenant(storage, "a", 2)
    hand = Hand(storage)

    hand.hand_in(hand.back(hand.take(), wait=10, lets_go=True))

    assert hand.take().id == second


def test_cancelling_or_deleting_what_has_a_place_gives_it_to_the_next(storage: Storage) -> None:
    declare(storage, max_running=1, max_running_per_key=1, concurrency_key="tenant")
    first, second, third = for_tenant(storage, "a", 3)

    storage.operator.cancel(only(first), 10, 0)
    assert record(storage, second).gate is Gate.READY
    storage.operator.delete(only(second), 10, 0)

    assert Hand(storage).take().id == third


def test_an_expired_job_gives_its_place_to_the_next(storage: Storage, clock: FakeClock) -> None:
    declare(storage, max_running=1)
    enqueue(storage, expires_at=clock.now() + 5_000_000)
    last = enqueue(storage)
    give_out(storage)

    clock.advance(6)
    storage.upkeep.expire(10)

    assert Hand(storage).take().id == last


def test_retried_and_hurried_jobs_wait_for_a_place(storage: Storage) -> None:
    declare(storage, max_running=1)
    hand = Hand(storage)
    (dead,) = enqueue_some(storage, 1)
    give_out(storage)
    hand.bury_one()
    running, late = enqueue(storage), enqueue(storage, delay=60_000_000)
    give_out(storage)
    assert hand.take().id == running

    storage.operator.retry(only(dead), 10, 0)
    storage.operator.run_now(only(late), 10, 0)

    assert hand.claim(5) == []
    assert {record(storage, i).gate for i in (dead, late)} == {Gate.FOR_KIND}


def test_jobs_of_a_limited_kind_that_nobody_knows_come_back_within_the_limit(
    storage: Storage, backend: Backend
) -> None:
    declare(storage, max_running=1)
    a_queue(storage)
    enqueue_some(storage, 3)
    give_out(storage)
    a_living_host(storage, backend, kinds=("other",))
    storage.upkeep.park_unserved(100)
    give_out(storage)
    storage.upkeep.park_unserved(100)

    a_living_host(storage, backend, "host-b", kinds=("work",))
    give_out(storage)

    assert len(Hand(storage).claim(5)) == 1


def test_a_limited_job_holds_a_drain(storage: Storage) -> None:
    declare(storage, max_running=1)
    enqueue_some(storage, 2)
    give_out(storage)
    hand = Hand(storage)
    hand.take()
    hand.storage.worker_queue.give_back_unknown(hand.process_id, [])

    assert storage.upkeep.unfinished(["default"], ["work"]) > 0


def test_what_is_parked_is_counted_as_pending(storage: Storage) -> None:
    declare(storage, max_running=1)
    enqueue_some(storage, 3)
    give_out(storage)

    assert storage.operator.counts()["default"].pending == 3


def test_many_waiting_jobs_of_one_key_are_let_in_in_slices(storage: Storage) -> None:
    declare(storage, max_running=1)
    enqueue_some(storage, 1200)
    give_out(storage)

    declare(storage)

    assert storage.operator.counts()["default"].pending == 1200
    assert sum(len(Hand(storage).claim(256)) for _ in range(6)) == 1200


def test_a_place_that_nobody_noted_to_be_free_is_found(storage: Storage) -> None:
    declare(storage, max_running=2, max_running_per_key=1, concurrency_key="tenant")
    (job_id,) = for_tenant(storage, "a")
    ((_key, job),) = storage.archive.jobs(0, 10)
    storage.operator.delete(only(job_id), 10, 0)
    with storage.archive.locked():
        waiting = msgspec.structs.replace(job.record, gate=Gate.FOR_KEY)
        storage.archive.store([ArchivedJob(record=waiting, crashes=0)])
    give_out(storage)
    assert Hand(storage).claim() == []

    assert storage.limits.sweep(10) == 1
    give_out(storage)

    assert Hand(storage).take().id == job_id
    assert storage.limits.sweep(10) == 0


def test_who_has_the_places_of_a_key_is_known(storage: Storage) -> None:
    declare(storage, max_running_per_key=2, concurrency_key="tenant")
    first, second, third = for_tenant(storage, "a", 3)
    for_tenant(storage, "b")

    known = storage.inspection.facts(third)

    assert known is not None
    assert known.limited is not None
    assert known.limited.holders == [first, second]


def test_an_edit_may_change_the_key(storage: Storage) -> None:
    declare(storage, max_running_per_key=1, concurrency_key="tenant")
    first, second = for_tenant(storage, "a", 2)
    third, fourth = for_tenant(storage, "b", 2)

    storage.operator.edit(only(first), 10, 0, Edit(payload=b'{"tenant":"c"}'))
    storage.operator.edit(only(fourth), 10, 0, Edit(payload=b'{"tenant":"d"}'))
    give_out(storage)

    assert {claim.id: claim.limit_key for claim in Hand(storage).claim(9)} == {
        first: "c",
        second: "a",
        third: "b",
        fourth: "d",
    }


def test_a_job_that_is_put_off_lets_the_next_pass_and_comes_back(storage: Storage, clock: FakeClock) -> None:
    declare(storage, max_running_per_key=1, concurrency_key="tenant")
    first, second = for_tenant(storage, "a", 2)

    storage.operator.edit(only(first), 10, 0, Edit(run_at=clock.now() + 5_000_000))
    hand = Hand(storage)
    claim = hand.take()
    storage.operator.edit(only(first), 10, 0, Edit(run_at=clock.now()))

    assert claim.id == second
    assert [one.id for one in hand.exchange(hand.done(claim)).claims] == [first]


def test_a_job_that_is_moved_keeps_its_place(storage: Storage) -> None:
    declare(storage, max_running=1)
    first, _second = enqueue_some(storage, 2)
    give_out(storage)

    storage.operator.move(only(first), 10, 0, "other")

    assert Hand(storage).claim() == []
    assert Hand(storage, queue="other").take().id == first


# -- jobs that were stored before their kind had limits, and ways around a place --------------------------------------


def claimed_at_once(storage: Storage) -> int:
    """Return how many jobs all that claim now get: what was not under the limits is put there meanwhile."""
    number = 0
    for _ in range(4):
        number += len(Hand(storage).claim(10))
        give_out(storage)
    return number


def test_jobs_revived_that_died_before_the_limit_come_under_it(storage: Storage) -> None:
    enqueue_some(storage, 3)
    hand = Hand(storage)
    dead = [hand.bury_one() for _ in range(3)]
    declare(storage, max_running=1)

    storage.operator.retry(only(*dead), 10, 0)

    assert claimed_at_once(storage) == 1


def test_jobs_that_nobody_knew_when_the_limit_came_come_under_it(storage: Storage, backend: Backend) -> None:
    a_queue(storage)
    enqueue_some(storage, 3)
    a_living_host(storage, backend, kinds=("other",))
    storage.upkeep.park_unserved(100)
    declare(storage, max_running=1)

    a_living_host(storage, backend, "host-b")

    assert claimed_at_once(storage) == 1


def test_a_key_that_is_declared_later_counts_for_what_is_there(storage: Storage) -> None:
    declare(storage, max_running=9)
    for_tenant(storage, "a", 3)
    for_tenant(storage, "b", 2)

    declare(storage, max_running=9, max_running_per_key=1, concurrency_key="tenant")

    assert claimed_at_once(storage) == 2


def test_a_key_may_hold_what_no_text_can(storage: Storage) -> None:
    declare(storage, max_running_per_key=1, concurrency_key="tenant")
    for payload in (b'{"tenant":"a","note":"\\u0000"}', b'{"tenant":"a\\u0000"}', b'{"tenant":"a\\\\u0000"}') * 2:
        enqueue(storage, payload=payload)
    storage.producer.enqueue([a_job(payload=b'{"tenant":"a\\u0000"}') for _ in range(2)])

    assert claimed_at_once(storage) == 3


def test_editing_a_job_that_nobody_knew_does_not_bypass_its_key(storage: Storage, backend: Backend) -> None:
    a_queue(storage)
    declare(storage, max_running_per_key=1, concurrency_key="tenant")
    ids = [job_id for tenant in "abc" for job_id in for_tenant(storage, tenant)]
    a_living_host(storage, backend, kinds=("other",))
    storage.upkeep.park_unserved(100)

    storage.operator.edit(only(*ids), 10, 0, Edit(payload=b'{"tenant":"z"}'))
    a_living_host(storage, backend, "host-b")

    assert claimed_at_once(storage) == 1


def test_a_paused_queue_takes_no_places_and_gives_back_those_of_ready_jobs(storage: Storage) -> None:
    a_queue(storage)
    a_queue(storage, "other")
    declare(storage, max_running=1)
    first = enqueue(storage, queue="other")
    second = enqueue(storage)
    give_out(storage)

    storage.queue_config.change_queue("other", {"paused": True})
    give_out(storage)
    claim = Hand(storage).take()
    storage.queue_config.change_queue("other", {"paused": False})
    give_out(storage)

    assert claim.id == second
    assert Hand(storage, queue="other").claim() == []
    assert record(storage, first).gate is Gate.FOR_KIND


def test_a_queue_that_nobody_serves_holds_no_places_for_long(storage: Storage, backend: Backend) -> None:
    a_queue(storage)
    a_living_host(storage, backend)
    declare(storage, max_running=2)
    enqueue_some(storage, 4, queue="nobody")
    enqueue_some(storage, 2)
    give_out(storage)
    assert Hand(storage).claim(5) == []

    storage.upkeep.park_unserved(100)
    give_out(storage)

    assert len(Hand(storage).claim(5)) == 2
    a_living_host(storage, backend, "host-b", queues=("nobody",))
    give_out(storage)
    assert Hand(storage, queue="nobody").claim(5) == []
