"""How a total is split among equals."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.model.shares import fair_shares, shares_of


@pytest.mark.parametrize(
    ("total", "among", "shares"),
    [
        (10, 3, [4, 3, 3]),
        (9, 3, [3, 3, 3]),
        (2, 3, [1, 1, 0]),
        (0, 3, [0, 0, 0]),
        (7, 1, [7]),
        (9, 2, [5, 4]),
        (-3, 2, [0, 0]),
        (5, 0, []),
        (5, -1, []),
    ],
)
def test_shares_are_as_equal_as_they_can_be(total: int, among: int, shares: list[int]) -> None:
    assert fair_shares(total, among) == shares


@given(total=st.integers(0, 10_000), among=st.integers(1, 200))
def test_nothing_is_lost_and_nobody_gets_two_more_than_another(total: int, among: int) -> None:
    shares = fair_shares(total, among)

    assert (len(shares), sum(shares)) == (among, total)
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


NAMES = st.text(min_size=1, max_size=20)


@given(NAMES, st.integers(0, 50), st.lists(NAMES, min_size=1, max_size=9, unique=True), st.randoms())
def test_every_host_computes_the_same(queue: str, cap: int, hosts: list[str], random: Random) -> None:
    shuffled = random.sample(hosts, len(hosts))
    shares = shares_of(queue, cap, hosts)

    assert shares == shares_of(queue, cap, shuffled)
    assert sorted(shares.values(), reverse=True) == fair_shares(cap, len(hosts))


def test_not_always_the_same_hosts_get_more() -> None:
    shares = [shares_of(f"queue-{n}", 1, ["a", "b", "c"]) for n in range(30)]

    assert {host for share in shares for host, workers in share.items() if workers} == {"a", "b", "c"}


def test_without_hosts_nobody_gets_anything() -> None:
    assert shares_of("default", 5, []) == {}
