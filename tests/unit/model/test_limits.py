"""Token buckets as arithmetic, and what may be said of limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.errors import InvalidValue
from forge_jobs.model.limits import (
    NEVER_REFILLED,
    Bucket,
    Granted,
    KindRules,
    checked_cost,
    checked_running,
    checked_scope,
    checked_scopes,
    grant,
    parent_of,
    rate_limit,
)

SECOND = 1_000_000


def bucket(tokens: float = 0, *, capacity: float = 10, refill: float = 1, at: int = 0) -> Bucket:
    return Bucket(scope="s", capacity=capacity, refill=refill, tokens=tokens, refilled_at=at)


@pytest.mark.parametrize(("seconds", "available"), [(0, 2), (0.5, 2.5), (8, 10), (1000, 10), (-5, 2)])
def test_what_is_in_it_grows_with_time_up_to_the_capacity(seconds: float, available: float) -> None:
    assert bucket(2).available(round(seconds * SECOND)) == pytest.approx(available)


def test_while_it_is_drained_nothing_comes_in() -> None:
    drained = bucket(0, at=30 * SECOND)

    assert drained.available(29 * SECOND) == 0
    assert drained.wait(1, 0) == pytest.approx(31)
    assert drained.available(32 * SECOND) == pytest.approx(2)


@pytest.mark.parametrize(
    ("tokens", "cost", "refill", "wait"),
    [
        (5, 5, 1, 0),
        (4, 5, 1, 1),
        (0, 1, 1000, 0.001),
        (0, 1, 0.01, 100),
        (0, 1, 0, NEVER_REFILLED),
        (0, 11, 1, NEVER_REFILLED),
    ],
)
def test_the_wait_is_exact(tokens: float, cost: float, refill: float, wait: float) -> None:
    assert bucket(tokens, refill=refill).wait(cost, 0) == pytest.approx(wait, rel=1e-6)


def test_of_several_buckets_the_emptiest_decides() -> None:
    buckets = [bucket(9), bucket(5), bucket(7)]

    assert grant(buckets, 2, 10, 0).number == 2
    assert grant(buckets, 2, 2, 0) == Granted(2)
    assert grant(buckets, 6, 1, 0) == (0, pytest.approx(1))


@given(
    capacity=st.floats(0.5, 1000),
    refill=st.floats(0, 100),
    steps=st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 3)), max_size=60),
)
def test_never_more_is_taken_than_was_ever_in_it(
    capacity: float, refill: float, steps: list[tuple[float, float]]
) -> None:
    now, taken, tokens, refilled_at = 0, 0.0, capacity, 0
    for seconds, cost in steps:
        now += round(seconds * SECOND)
        here = bucket(tokens, capacity=capacity, refill=refill, at=refilled_at)
        if grant([here], cost, 1, now).number:
            tokens, refilled_at = here.available(now) - cost, now
            taken += cost
        assert taken <= capacity + refill * now / SECOND + 1e-6


@given(tokens=st.floats(0, 10), cost=st.floats(0.01, 10), refill=st.floats(0.01, 100))
def test_after_the_wait_there_is_enough_and_not_much_before(tokens: float, cost: float, refill: float) -> None:
    here = bucket(tokens, refill=refill)
    wait = here.wait(cost, 0)

    assert grant([here], cost, 1, round(wait * SECOND) + 1).number == 1
    if wait > 0.001:
        assert grant([here], cost, 1, round((wait - 0.0005) * SECOND)).number == 0 or refill * 0.0005 < 1e-6


@pytest.mark.parametrize(
    ("rate", "refill"), [({"second": 2}, 2), ({"minute": 30}, 0.5), ({"hour": 3600}, 1), ({"day": 86_400}, 1)]
)
def test_a_rate_is_so_many_per_something(rate: dict[str, float], refill: float) -> None:
    assert rate_limit("slack", 5, **rate).refill == pytest.approx(refill)


@pytest.mark.parametrize("rate", [{}, {"second": 1, "minute": 1}, {"second": None}])
def test_exactly_one_rate_is_said(rate: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="exactly one of"):
        rate_limit("slack", 5, **rate)


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), "5", True, 1e10])
def test_a_capacity_or_cost_that_is_no_number_above_0_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidValue, match="capacity"):
        rate_limit("slack", bad, second=1)
    with pytest.raises(InvalidValue, match="cost"):
        checked_cost(bad)


@pytest.mark.parametrize("good", ["slack", "slack:7", "a:b:c", "ü"])
def test_a_scope_is_a_short_text(good: str) -> None:
    assert checked_scope(good) == good


@pytest.mark.parametrize("bad", ["", " slack", ":7", "a\n", "x" * 201, None, 7])
def test_any_other_scope_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidValue, match="is no name"):
        checked_scope(bad)


def test_scopes_are_taken_once_each_in_one_order() -> None:
    assert checked_scopes(["b", "a", "b"]) == ("a", "b")
    assert checked_scopes("a") == ("a",)


def test_a_scope_of_its_own_has_a_parent() -> None:
    assert [parent_of(scope) for scope in ("slack", "slack:7", "slack:7:8")] == [None, "slack", "slack"]


@pytest.mark.parametrize("bad", [0, -1, 1.0, True, "2", 1_000_001])
def test_how_many_run_at_once_is_a_whole_number_above_0(bad: Any) -> None:
    assert checked_running(None, "max_running") is None
    assert checked_running(3, "max_running") == 3
    with pytest.raises(InvalidValue, match="max_running"):
        checked_running(bad, "max_running")


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (b'{"tenant":"a"}', "a"),
        (b'{"tenant":7}', "7"),
        (b'{"tenant":true}', "true"),
        (b'{"tenant":null}', ""),
        (b"{}", ""),
        (b"[1]", ""),
        (b'{"tenant":{"a":1}}', '{"a":1}'),
    ],
)
def test_a_key_is_the_value_of_an_argument(payload: bytes, key: str) -> None:
    rules = KindRules(kind="k", max_running_per_key=1, concurrency_key="tenant")

    assert rules.key_of(None, payload) == key
    assert rules.key_of("given", payload) == "given"
    assert KindRules(kind="k").key_of(None, payload) == ""
