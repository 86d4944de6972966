"""How much a worker claims ahead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs_supervisor.worker.appetite import HOLD, LONGEST_HOLD, LONGEST_SHORT, MAX_BYTES, MAX_ROWS, Appetite

SHORT = 0.001
LONG = 0.050


def having_learnt(**seconds: float) -> Appetite:
    appetite = Appetite("default", sorted(seconds))
    for kind, mean in seconds.items():
        appetite.learn(kind, mean)
    return appetite


def test_at_first_one_job_is_wanted() -> None:
    want = Appetite("media", ["a", "b"]).want(7, alone=False)

    assert (want.queue, want.kinds, want.first_claim_no) == ("media", ["a", "b"], 7)
    assert (want.rows, want.costs, want.size) == (1, {}, MAX_BYTES)


def test_of_a_short_kind_as_many_are_wanted_as_fit_the_hold() -> None:
    want = having_learnt(work=SHORT).want(1, alone=False)

    assert want.rows == HOLD / SHORT
    assert want.costs == {"work": pytest.approx(SHORT * 1e6)}
    assert want.budget == HOLD * 1e6


def test_of_a_very_short_kind_no_more_are_wanted_than_the_limit() -> None:
    assert having_learnt(work=1e-6).want(1, alone=False).rows == MAX_ROWS
    assert having_learnt(work=0.0).want(1, alone=False).rows == MAX_ROWS


def test_on_a_busy_machine_no_more_are_wanted_than_come_to_their_turn_in_time() -> None:
    appetite = having_learnt(work=1e-5)
    appetite.keep_pace(0.002)
    assert appetite.want(1, alone=False).rows == LONGEST_HOLD / 0.002
    appetite.keep_pace(1.0)
    assert appetite.want(1, alone=False).rows == 1


def test_a_machine_that_is_free_again_is_believed_step_by_step() -> None:
    appetite = having_learnt(work=1e-5)
    appetite.keep_pace(0.004)
    rows = []
    for _ in range(8):
        appetite.keep_pace(1e-5)
        rows.append(appetite.want(1, alone=False).rows)

    assert rows == sorted(rows)
    assert (rows[0], rows[-1]) == (49, MAX_ROWS)


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [(0.002, 10), (0.004, 5), (0.007, 5), (0.010, 5), (0.022, 4), (0.025, 4), (0.030, 3), (0.040, 2), (0.041, 1)],
)
def test_of_a_kind_some_milliseconds_long_a_few_are_wanted(seconds: float, rows: int) -> None:
    want = having_learnt(work=seconds).want(1, alone=False)

    assert want.rows == rows
    assert want.rows == 1 or rows * want.costs["work"] <= want.budget < (rows + 1) * want.costs["work"]


@given(kinds=st.lists(st.floats(0, LONGEST_SHORT), min_size=1, max_size=100))
def test_what_is_held_never_takes_longer_than_the_longest_hold(kinds: list[float]) -> None:
    appetite = having_learnt(**{f"k{number}": mean for number, mean in enumerate(kinds)})
    held = [f"k{number}" for number in range(len(kinds))]

    assert appetite.work(held[: appetite.keeps(held)]) <= LONGEST_HOLD + 1e-9


def test_of_a_long_kind_one_is_wanted() -> None:
    want = having_learnt(work=LONG).want(1, alone=False)

    assert (want.rows, want.costs) == (1, {})


def test_while_a_sibling_is_idle_one_job_is_wanted() -> None:
    assert having_learnt(work=SHORT).want(1, alone=True).rows == 1


def test_the_shortest_kind_decides_how_many_rows_are_looked_at_and_each_its_own_cost() -> None:
    want = having_learnt(short=0.001, middle=0.005, long=LONG).want(1, alone=False)

    assert want.rows == 20
    assert sorted(want.costs) == ["middle", "short"]


@pytest.mark.parametrize(
    ("seconds", "short"), [(0.0, True), (LONGEST_SHORT, True), (LONGEST_SHORT + 1e-6, False), (1.0, False)]
)
def test_results_wait_while_a_job_runs_that_is_short(seconds: float, short: bool) -> None:
    assert having_learnt(work=seconds).is_short("work") is short


@pytest.mark.parametrize(("seconds", "tiny"), [(0.0, True), (HOLD / 2, True), (HOLD / 2 + 1e-6, False), (1.0, False)])
def test_a_kind_is_tiny_when_two_of_it_fit_the_hold(seconds: float, tiny: bool) -> None:
    assert having_learnt(work=seconds).is_tiny("work") is tiny


def test_a_kind_that_never_ran_counts_as_long() -> None:
    assert not Appetite("default", ["work"]).is_short("work")


def test_the_mean_follows_a_change_within_two_dozen_jobs() -> None:
    appetite = having_learnt(work=0.009)
    for _ in range(24):
        appetite.learn("work", 0.002)

    assert appetite.want(1, alone=False).costs["work"] == pytest.approx(2000, rel=0.2)


def test_one_run_much_longer_than_the_mean_replaces_it() -> None:
    appetite = having_learnt(work=SHORT)
    appetite.learn("work", 1.0)

    assert not appetite.is_short("work")


def test_a_run_a_little_longer_does_not() -> None:
    appetite = having_learnt(work=SHORT)
    appetite.learn("work", 4 * SHORT)

    assert appetite.is_short("work")


@pytest.mark.parametrize(
    ("held", "kept"),
    [
        ([], 0),
        (["short"] * 3, 3),
        (["short"] * 30, 22),
        (["middle"] * 30, 5),
        (["short", "long", "short"], 1),
        (["long"], 0),
        (["unknown", "short"], 0),
        (["middle", "short", "middle"], 3),
        (["middle"] * 4 + ["short"] * 10, 8),
    ],
)
def test_held_jobs_are_kept_in_order_while_they_fit_the_hold(held: list[str], kept: int) -> None:
    appetite = having_learnt(short=0.0009, middle=0.0095, long=LONG)

    assert appetite.keeps(held) == kept


@given(
    runs=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 10)), max_size=50),
    alone=st.booleans(),
)
def test_a_want_is_always_within_its_limits(runs: list[tuple[str, float]], alone: bool) -> None:
    appetite = Appetite("default", ["a", "b", "c"])
    for kind, seconds in runs:
        appetite.learn(kind, seconds)

    want = appetite.want(1, alone=alone)

    assert 1 <= want.rows <= (1 if alone else MAX_ROWS)
    assert all(2 * cost <= want.budget for cost in want.costs.values())


@given(runs=st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_a_mean_lies_among_the_runs(runs: list[float]) -> None:
    appetite = Appetite("default", ["a"])
    for seconds in runs:
        appetite.learn("a", seconds)

    assert min(runs) - 1e-9 <= appetite._means["a"] <= max(runs) + 1e-9


def test_kinds_whose_runs_are_unlike_are_never_short() -> None:
    appetite = Appetite("media", ["a", "b"], {"b"})
    for kind in ("a", "b"):
        appetite.learn(kind, 0.0001)
    assert appetite.is_short("a")
    assert not appetite.is_short("b")
    assert "b" not in appetite.want(1, alone=False).costs
