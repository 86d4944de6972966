"""Token buckets: the same for everybody, never one token too many; and kinds whose starts take tokens."""

from __future__ import annotations

import pytest

from forge_jobs.errors import InvalidValue
from forge_jobs.model.limits import NEVER_REFILLED, KindRules, RateLimit
from forge_jobs.model.states import Gate
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim
from tests.support.backends import Backend
from tests.support.builders import a_job, a_queue, enqueue, enqueue_some, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.limits import give_out
from tests.support.together import MANY, together


def a_bucket(storage: Storage, scope: str = "slack", *, capacity: float = 3, refill: float = 0) -> None:
    storage.limits.declare([], [RateLimit(scope=scope, capacity=capacity, refill=refill)])


def metered(storage: Storage, kind: str = "work", *scopes: str, cost: float = 1, **rules: int) -> None:
    storage.limits.declare([KindRules(kind=kind, rate_limits=scopes or ("slack",), rate_cost=cost, **rules)])
    give_out(storage)


def take(storage: Storage, *scopes: str, cost: float = 1) -> bool:
    return bool(storage.limits.acquire(scopes or ("slack",), cost).number)


def test_a_new_bucket_is_full_and_then_empty(storage: Storage) -> None:
    a_bucket(storage)

    assert [take(storage) for _ in range(4)] == [True, True, True, False]


def test_it_is_refilled_with_time_up_to_its_capacity(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=2, refill=10)
    assert [take(storage) for _ in range(3)] == [True, True, False]

    clock.advance(0.25)
    assert [take(storage) for _ in range(3)] == [True, True, False]
    clock.advance(3600)
    assert [take(storage) for _ in range(3)] == [True, True, False]


def test_a_denial_says_when_there_will_be_enough(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=5, refill=2)
    assert take(storage, cost=5)

    assert storage.limits.acquire(["slack"], 3).wait == pytest.approx(1.5)
    clock.advance(1)
    assert storage.limits.acquire(["slack"], 3).wait == pytest.approx(0.5)
    clock.advance(0.5)
    assert take(storage, cost=3)


def test_a_denial_takes_nothing(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=3, refill=1)
    assert take(storage, cost=3)
    for _ in range(10):
        clock.advance(0.1)
        assert not take(storage, cost=1.5)

    clock.advance(0.5)

    assert take(storage, cost=1.5)


def test_a_bucket_that_is_never_refilled_says_a_minute(storage: Storage) -> None:
    a_bucket(storage, capacity=1)
    assert take(storage)

    assert storage.limits.acquire(["slack"], 1).wait == NEVER_REFILLED


def test_a_clock_that_steps_back_neither_gives_nor_takes(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=4, refill=1)
    assert take(storage, cost=2)

    clock.advance(-3600)
    assert take(storage, cost=2)
    assert not take(storage)
    clock.advance(3600)

    assert not take(storage)


def test_of_several_buckets_all_are_taken_or_none(storage: Storage) -> None:
    a_bucket(storage, "a", capacity=3)
    a_bucket(storage, "b", capacity=1)

    assert take(storage, "b", "a")
    assert not take(storage, "a", "b")
    assert [take(storage, "a") for _ in range(3)] == [True, True, False]


def test_a_scope_of_its_own_has_the_settings_of_the_one_before_the_colon(storage: Storage) -> None:
    a_bucket(storage, capacity=2)

    assert [take(storage, "slack:7") for _ in range(3)] == [True, True, False]
    assert take(storage, "slack:8")
    assert take(storage), "the other's tokens are its own"
    storage.limits.set_rate_limit(RateLimit(scope="slack", capacity=4, refill=0))
    assert {b.scope: (b.capacity, b.inherited) for b in storage.limits.rate_limits()} == {
        "slack": (4, False),
        "slack:7": (4, True),
        "slack:8": (4, True),
    }


def test_a_scope_that_nobody_declared_is_an_error(storage: Storage) -> None:
    for scope in ("slack", "slack:7", ":7", "a:b:c"):
        with pytest.raises(InvalidValue, match="there is no rate limit"):
            take(storage, scope)
        assert not storage.limits.drain(scope, 0)


def test_a_cost_that_can_never_be_had_is_an_error(storage: Storage) -> None:
    a_bucket(storage, capacity=3, refill=1)

    with pytest.raises(InvalidValue, match="more than the rate limit 'slack' can ever hold"):
        take(storage, cost=4)


def test_one_429_drains_the_bucket_for_everybody(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=10, refill=1)

    assert storage.limits.drain("slack", 30_000_000)

    assert not take(storage)
    assert storage.limits.acquire(["slack"], 1).wait == pytest.approx(31)
    clock.advance(30.5)
    assert not take(storage)
    clock.advance(0.5)
    assert take(storage)


def test_a_shorter_drain_does_not_end_a_longer_one(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=10, refill=1)
    storage.limits.drain("slack", 30_000_000)

    storage.limits.drain("slack", 1_000_000)

    clock.advance(20)
    assert not take(storage)


def test_what_the_code_says_again_does_not_undo_what_an_operator_said(storage: Storage) -> None:
    a_bucket(storage, capacity=3)
    storage.limits.set_rate_limit(RateLimit(scope="slack", capacity=5, refill=1))

    a_bucket(storage, capacity=3)
    assert [b.capacity for b in storage.limits.rate_limits()] == [5]
    a_bucket(storage, capacity=4)

    assert [(b.capacity, b.refill) for b in storage.limits.rate_limits()] == [(4, 0)]


def test_tokens_outlive_a_declaration_and_a_smaller_bucket_spills(storage: Storage) -> None:
    a_bucket(storage, capacity=10)
    assert take(storage, cost=4)

    a_bucket(storage, capacity=10)
    assert [b.tokens for b in storage.limits.rate_limits()] == [6]
    a_bucket(storage, capacity=2)

    assert [b.tokens for b in storage.limits.rate_limits()] == [2]


def test_a_limit_that_is_removed_takes_its_scopes_along(storage: Storage) -> None:
    a_bucket(storage)
    a_bucket(storage, "slackish")
    take(storage, "slack:7")

    assert storage.limits.remove_rate_limit("slack")
    assert not storage.limits.remove_rate_limit("slack")

    assert [b.scope for b in storage.limits.rate_limits()] == ["slackish"]


def test_scopes_made_by_their_use_go_when_they_are_full_and_idle(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=2, refill=1)
    take(storage, "slack:7")
    clock.advance(100)
    take(storage, "slack:8")

    assert storage.limits.prune_rate_limits(clock.now() - 50_000_000, 10) == 1

    assert [b.scope for b in storage.limits.rate_limits()] == ["slack", "slack:8"]


def test_many_racers_get_not_one_token_too_many(backend: Backend, storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=10)
    taken: list[bool] = []

    together(backend, clock, lambda own: taken.extend(take(own) for _ in range(7)))

    assert len(taken) == 7 * MANY
    assert sum(taken) == 10


# -- kinds whose starts take tokens ---------------------------------------------------------------------------------


def test_a_job_starts_with_a_token_only(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=2, refill=1)
    metered(storage)
    enqueue_some(storage, 5)
    give_out(storage)
    hand = Hand(storage)

    assert len(hand.claim(5)) == 2
    assert hand.claim(5) == []
    clock.advance(1)
    give_out(storage)
    assert len(hand.claim(5)) == 1
    assert not take(storage)


def test_a_kind_without_tokens_costs_no_claims_and_holds_up_no_other(storage: Storage) -> None:
    a_queue(storage)
    a_bucket(storage, capacity=1)
    metered(storage, "slow")
    slow = enqueue_some(storage, 3, "slow")
    fast = enqueue_some(storage, 3, "fast")
    give_out(storage)
    hand = Hand(storage, kinds=("slow", "fast"))

    assert [claim.id for claim in hand.claim(1)] == [slow[0]]
    assert [claim.id for claim in hand.claim(5)] == fast
    assert storage.upkeep.look("host-a").ready == {}
    assert {record(storage, job_id).gate for job_id in slow[1:]} == {Gate.FOR_KIND}


def test_tokens_taken_elsewhere_close_a_kind_whose_jobs_are_in_line(storage: Storage) -> None:
    a_bucket(storage, capacity=3)
    metered(storage, "slow")
    enqueue_some(storage, 3, "slow")
    behind = enqueue(storage, "fast")
    give_out(storage)
    assert take(storage, cost=3)

    assert [claim.id for claim in Hand(storage, kinds=("slow", "fast")).claim(1)] == [behind]


def test_the_coordinator_is_told_when_the_next_token_comes(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=1, refill=0.1)
    metered(storage)
    enqueue_some(storage, 2)
    give_out(storage)
    Hand(storage).take()

    assert storage.upkeep.look("host-a").admission
    assert storage.limits.admit(10).wait == pytest.approx(10)
    clock.advance(10)
    assert storage.limits.admit(10).ready == {"default": 1}


def test_cost_and_several_limits_and_places_count_for_kinds_too(storage: Storage) -> None:
    a_bucket(storage, "a", capacity=10)
    a_bucket(storage, "b", capacity=5)
    metered(storage, "work", "a", "b", cost=2, max_running=1)
    enqueue_some(storage, 5)
    give_out(storage)
    hand = Hand(storage)

    first = hand.take()
    assert hand.claim(5) == []
    after = hand.exchange(hand.done(first), rows=5).claims
    hand.hand_in(*map(hand.done, after))
    give_out(storage)

    assert (len(after), hand.claim(5)) == (1, [])
    assert {b.scope: b.tokens for b in storage.limits.rate_limits()} == {"a": 6, "b": 1}


def test_a_kind_with_a_limit_that_nobody_declared_waits(storage: Storage) -> None:
    metered(storage)
    enqueue_some(storage, 2)
    give_out(storage)
    hand = Hand(storage)
    assert hand.claim(2) == []

    a_bucket(storage, capacity=1)
    give_out(storage)

    assert len(hand.claim(2)) == 1


def test_with_many_claimants_not_one_job_starts_too_many(backend: Backend, storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=10)
    metered(storage)
    enqueue_some(storage, 40)
    give_out(storage)
    claims: list[Claim] = []

    def claim(own: Storage) -> None:
        hand = Hand(own)
        for _ in range(3):
            claims.extend(hand.claim(3))

    together(backend, clock, claim)

    assert len({claim.id for claim in claims}) == len(claims) == 10


def test_why_a_job_waits_for_tokens_is_known(storage: Storage) -> None:
    a_bucket(storage, capacity=1, refill=0.5)
    metered(storage, max_running=1)
    first, second = enqueue_some(storage, 2)
    give_out(storage)
    Hand(storage).take()
    give_out(storage)

    known = storage.inspection.facts(second)

    assert known is not None
    assert known.limited is not None
    assert (known.limited.holders, known.limited.taken) == ([first], 1)
    assert [bucket.tokens for bucket in known.limited.buckets] == [0]


def test_a_new_rate_counts_from_now_on(storage: Storage, clock: FakeClock) -> None:
    a_bucket(storage, capacity=100, refill=0.1)
    assert take(storage, cost=100)
    clock.advance(100)

    storage.limits.set_rate_limit(RateLimit(scope="slack", capacity=100, refill=10))
    assert [bucket.tokens for bucket in storage.limits.rate_limits()] == [pytest.approx(10)]
    clock.advance(1)

    assert take(storage, cost=20)
    assert not take(storage)


def test_the_coordinator_is_not_told_of_tokens_when_it_is_places_that_are_missing(storage: Storage) -> None:
    a_bucket(storage, capacity=10, refill=1)
    metered(storage, max_running=1)
    enqueue_some(storage, 3)
    give_out(storage)
    Hand(storage).take()
    give_out(storage)

    assert storage.limits.admit(10).wait is None
    storage.limits.remove_rate_limit("slack")
    assert storage.limits.admit(10).wait == NEVER_REFILLED


def test_claimants_of_kinds_with_different_limits_do_not_wait_for_each_other(
    backend: Backend, storage: Storage, clock: FakeClock
) -> None:
    a_bucket(storage, "a", capacity=1000)
    a_bucket(storage, "b", capacity=1000)
    metered(storage, "one", "a")
    metered(storage, "two", "b")
    storage.producer.enqueue([a_job("one" if n % 2 else "two") for n in range(120)])
    give_out(storage)
    claims: list[Claim] = []

    def claim(own: Storage) -> None:
        hand = Hand(own, kinds=("one", "two"))
        for rows in (3, 5, 4):
            claims.extend(hand.claim(rows))

    together(backend, clock, claim)  # a deadlock takes a second to be found, and three tries end in an error

    assert len({claim.id for claim in claims}) == len(claims) > 0
