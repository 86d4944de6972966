"""Which workers leave: the ones too many, and those that are due for a new one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs_supervisor.parent.scaling import UNWORN, Standing, Wear, first_allowance, surplus, worn

IDLE_LONG = Standing(pid=1, idle=True, since=10.0)
IDLE_NEW = Standing(pid=2, idle=True, since=20.0)
BUSY_LONG = Standing(pid=3, idle=False, since=10.0)
BUSY_NEW = Standing(pid=4, idle=False, since=20.0)
ALL = [BUSY_LONG, IDLE_NEW, BUSY_NEW, IDLE_LONG]


@pytest.mark.parametrize(
    ("target", "leaving"),
    [(0, [1, 2, 4, 3]), (1, [1, 2, 4]), (2, [1, 2]), (3, [1]), (4, []), (5, [])],
)
def test_the_idle_longest_leaves_first_and_then_who_began_its_job_last(target: int, leaving: list[int]) -> None:
    assert surplus(ALL, target) == leaving


def test_where_nobody_is_nobody_leaves() -> None:
    assert surplus([], 0) == []


standings = st.builds(
    Standing,
    pid=st.integers(1, 10**6),
    idle=st.booleans(),
    since=st.floats(0, 1e6),
    age=st.floats(0, 1e6),
    memory=st.integers(0, 10**9),
    retiring=st.booleans(),
)
crews = st.lists(standings, max_size=12, unique_by=lambda w: w.pid)


@given(workers=crews, target=st.integers(0, 15))
def test_no_more_leave_than_are_too_many_and_nobody_idle_outlasts_a_busy_one(
    workers: list[Standing], target: int
) -> None:
    leaving = surplus(workers, target)

    assert len(leaving) == len(set(leaving)) == max(len(workers) - target, 0)
    idle_that_stay = [w for w in workers if w.idle and w.pid not in leaving]
    busy_that_leave = [w for w in workers if not w.idle and w.pid in leaving]
    assert not (idle_that_stay and busy_that_leave)
    for one in workers:
        for other in workers:
            if one.pid in leaving and other.pid not in leaving and one.idle == other.idle:
                assert one.since <= other.since if one.idle else one.since >= other.since


# -- wear ------------------------------------------------------------------------------------------------------------

YOUNG = Standing(pid=1, idle=True, since=0.0, age=59.0, memory=99)
OLD = Standing(pid=2, idle=False, since=0.0, age=60.0, memory=99)
OLDER = Standing(pid=3, idle=False, since=0.0, age=90.0, memory=99)
OLD_AND_IDLE = Standing(pid=4, idle=True, since=0.0, age=61.0, memory=99)
LARGE = Standing(pid=5, idle=False, since=0.0, age=1.0, memory=100)


@pytest.mark.parametrize(
    ("workers", "wear", "leaves"),
    [
        ([], Wear(60, 100), None),
        ([YOUNG], Wear(60, 100), None),
        ([YOUNG, OLD], Wear(60, 100), 2),
        ([OLD, OLDER], Wear(60, 100), 3),
        ([OLD, OLDER, OLD_AND_IDLE], Wear(60, 100), 4),
        ([YOUNG, LARGE], Wear(60, 100), 5),
        ([YOUNG, LARGE], Wear(None, 100), 5),
        ([OLDER, LARGE], Wear(None, 100), 5),
        ([LARGE], Wear(60, None), None),
        ([OLDER, LARGE], UNWORN, None),
        ([OLDER, LARGE._replace(retiring=True)], Wear(60, 100), None),
        ([OLDER, YOUNG._replace(retiring=True)], Wear(60, 100), None),
    ],
)
def test_who_is_due_leaves_an_idle_one_first_then_the_oldest(
    workers: list[Standing], wear: Wear, leaves: int | None
) -> None:
    assert worn(workers, wear) == leaves


limits = st.builds(Wear, age=st.none() | st.floats(0, 1e6), memory=st.none() | st.integers(0, 10**9))


@given(workers=crews, wear=limits)
def test_nobody_leaves_before_its_time_or_while_another_is_on_its_way(workers: list[Standing], wear: Wear) -> None:
    pid = worn(workers, wear)

    if pid is not None:
        (leaver,) = (w for w in workers if w.pid == pid)
        too_old = wear.age is not None and leaver.age >= wear.age
        too_large = wear.memory is not None and leaver.memory >= wear.memory
        assert too_old or too_large
        assert not any(w.retiring for w in workers)


@given(workers=crews, wear=limits)
def test_whoever_is_due_has_left_after_as_many_turns(workers: list[Standing], wear: Wear) -> None:
    crew = [w._replace(retiring=False) for w in workers]
    left = []
    while (pid := worn(crew, wear)) is not None:
        left.append(pid)
        crew = [w for w in crew if w.pid != pid]

    assert worn(crew, wear) is None
    due = {
        w.pid
        for w in workers
        if (wear.age is not None and w.age >= wear.age) or (wear.memory is not None and w.memory >= wear.memory)
    }
    assert set(left) == due


# -- first lives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "of", "allowances"),
    [
        (None, 3, [None, None, None]),
        (100, 1, [100]),
        (100, 4, [25, 50, 75, 100]),
        (10, 3, [3, 6, 10]),
        (2, 4, [1, 1, 1, 2]),
        (1, 3, [1, 1, 1]),
    ],
)
def test_the_first_lives_of_a_queues_workers_are_spread_evenly(
    most: int | None, of: int, allowances: list[int | None]
) -> None:
    assert [first_allowance(most, number, of) for number in range(1, of + 1)] == allowances


@given(most=st.integers(1, 10**6), of=st.integers(1, 200))
def test_a_first_life_has_from_one_job_to_the_most_and_enough_jobs_spread_all(most: int, of: int) -> None:
    allowances = [first_allowance(most, number, of) or 0 for number in range(1, of + 1)]

    assert all(1 <= allowance <= most for allowance in allowances)
    assert allowances == sorted(allowances)
    assert allowances[-1] == most
    assert most < of or len(set(allowances)) == of
