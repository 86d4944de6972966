"""Histograms against plain sorted lists."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.model.histogram import GROWTH, PER_DOUBLING, RELATIVE_ERROR, Histogram, bucket_of

MONTH = 30 * 86_400 * 1_000_000
durations = st.lists(st.integers(1, MONTH), max_size=200)
spread_out = st.lists(st.floats(0, math.log(MONTH)).map(lambda power: max(round(math.exp(power)), 1)), max_size=200)


def nearest_rank(values: list[int], percent: float) -> int:
    return sorted(values)[max(math.ceil(percent * len(values) / 100), 1) - 1]


def test_the_error_that_is_promised() -> None:
    assert RELATIVE_ERROR <= 0.05


@given(durations | spread_out, st.sampled_from([0, 1, 50, 90, 95, 99, 99.9, 100]))
def test_a_percentile_is_near_the_value_of_its_rank(values: list[int], percent: float) -> None:
    told = Histogram.of(values).percentile(percent)

    if not values:
        assert told is None
    else:
        assert told is not None
        assert told == pytest.approx(nearest_rank(values, percent), rel=RELATIVE_ERROR + 1e-9)


@given(durations, durations)
def test_merging_is_counting_all_together(one: list[int], other: list[int]) -> None:
    merged = Histogram.of(one)
    merged.merge(Histogram.of(other))

    assert merged == Histogram.of(one + other)


@given(durations | spread_out)
def test_it_goes_through_json(values: list[int]) -> None:
    made = Histogram.of(values)

    assert msgspec.json.decode(msgspec.json.encode(made), type=Histogram) == made


@given(spread_out, st.integers(0, 45))
def test_what_is_at_most_a_power_of_two_is_counted_exactly(values: list[int], doublings: int) -> None:
    assert Histogram.of(values).at_most(doublings) == sum(value <= 2**doublings for value in values)


@given(st.integers(2, MONTH))
def test_a_bucket_holds_what_it_says(value: int) -> None:
    bucket = bucket_of(value)

    assert GROWTH ** (bucket - 1) * (1 - 1e-9) < value <= GROWTH**bucket * (1 + 1e-9)
    assert Histogram.of([value]).buckets == {bucket: 1}


@pytest.mark.parametrize("doublings", range(1, 42))
def test_powers_of_two_are_the_upper_ends_of_buckets(doublings: int) -> None:
    assert bucket_of(2**doublings) == doublings * PER_DOUBLING
    assert bucket_of(2**doublings + 1) > doublings * PER_DOUBLING


def test_sum_count_mean_and_max_are_exact() -> None:
    made = Histogram.of([1, 10, 100])

    assert (made.count, made.sum, made.max, made.mean) == (3, 111, 100, 37)
    assert made.percentile(100) == pytest.approx(100, rel=0.05)


def test_of_nothing_nothing_is_told() -> None:
    nothing = Histogram()

    assert (nothing.count, nothing.mean, nothing.percentile(50), nothing.at_most(40)) == (0, None, None, 0)
    assert msgspec.json.encode(nothing) == b"{}"


def test_a_clock_that_was_set_back_leaves_no_negative_durations() -> None:
    made = Histogram.of([-5, 0, 1])

    assert (made.buckets, made.sum, made.max) == ({0: 3}, 1, 1)
