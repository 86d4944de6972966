"""Want: how many jobs one exchange takes beyond the first in line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from forge_jobs.storage import Storage
from tests.support.builders import enqueue, enqueue_some
from tests.support.hands import Hand


def kinds_claimed(storage: Storage, line: Sequence[str], **want: object) -> list[str]:
    """Enqueue jobs of the kinds in ``line`` and return the kinds that one exchange takes."""
    for kind in line:
        enqueue(storage, kind)
    hand = Hand(storage, kinds=["fast", "slow", "unknown"])
    return [claim.kind for claim in hand.claim(**{"rows": 100, **want})]


def test_the_first_in_line_is_taken_whatever_it_costs(storage: Storage) -> None:
    assert kinds_claimed(storage, ["slow", "fast"], budget=10, costs={"slow": 1e9, "fast": 1}) == ["slow"]


def test_the_first_in_line_is_taken_though_its_cost_is_unknown(storage: Storage) -> None:
    assert kinds_claimed(storage, ["unknown", "fast"], budget=10, costs={"fast": 1}) == ["unknown"]


def test_a_kind_whose_cost_is_unknown_ends_the_line(storage: Storage) -> None:
    line = ["fast", "fast", "unknown", "fast"]

    assert kinds_claimed(storage, line, budget=10, costs={"fast": 1}) == ["fast", "fast"]


@pytest.mark.parametrize(("budget", "taken"), [(0, 1), (9, 1), (10, 2), (14, 2), (15, 3), (20, 4), (1000, 4)])
def test_more_are_taken_while_the_sum_of_all_costs_is_within_the_budget(
    storage: Storage, budget: float, taken: int
) -> None:
    assert len(kinds_claimed(storage, ["fast"] * 4, budget=budget, costs={"fast": 5})) == taken


def test_the_line_is_not_reordered_to_fit_the_budget(storage: Storage) -> None:
    line = ["fast", "slow", "fast"]

    assert kinds_claimed(storage, line, budget=10, costs={"fast": 1, "slow": 100}) == ["fast"]


@pytest.mark.parametrize(("rows", "taken"), [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_no_more_rows_are_taken_than_wanted(storage: Storage, rows: int, taken: int) -> None:
    assert len(kinds_claimed(storage, ["fast"] * 3, rows=rows, budget=1, costs={"fast": 0})) == taken


@pytest.mark.parametrize(("size", "taken"), [(1, 1), (199, 1), (200, 2), (1099, 2), (1100, 3), (10_000, 3)])
def test_no_more_bytes_of_payload_are_taken_than_wanted(storage: Storage, size: int, taken: int) -> None:
    for length in (100, 100, 900):
        enqueue(storage, payload=b'"' + b"x" * (length - 2) + b'"')

    assert len(Hand(storage).claim(rows=9, size=size)) == taken


def test_payloads_that_stand_beside_their_row_count_by_their_size(storage: Storage) -> None:
    large = b'"' + b"x" * 9_998 + b'"'
    enqueue_some(storage, 5, payload=large)

    claims = Hand(storage).claim(rows=9, size=35_000)

    assert [claim.payload for claim in claims] == [large] * 3


def test_what_was_not_taken_is_there_for_others(storage: Storage) -> None:
    ids = enqueue_some(storage, 5)
    one, other = Hand(storage), Hand(storage)

    assert [c.id for c in one.claim(rows=2)] == ids[:2]
    assert [c.id for c in other.claim(rows=9)] == ids[2:]
