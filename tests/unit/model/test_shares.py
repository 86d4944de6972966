"""How a total is split among equals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.model.shares import fair_shares


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
