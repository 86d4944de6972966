"""Job ids: UUIDs of version 7 that only rise within a process and never meet across processes."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.ids import IdSource, new_host_id, new_job_id, new_process_id
from tests.support.forking import fork


@pytest.fixture
def millisecond(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The clock that ids see, in milliseconds: a list of one number to be changed."""
    now = [1_750_000_000_000]
    monkeypatch.setattr(time, "time_ns", lambda: now[0] * 1_000_000)
    return now


def milliseconds_of(job_id: str) -> int:
    return UUID(job_id).int >> 80


def test_an_id_is_a_uuid_of_version_7_in_its_canonical_form() -> None:
    job_id = new_job_id()
    parsed = UUID(job_id)

    assert (str(parsed), parsed.version, parsed.variant) == (job_id, 7, RFC_4122)


def test_an_id_carries_the_millisecond_of_its_birth(millisecond: list[int]) -> None:
    source = IdSource()
    assert milliseconds_of(source.mint()) == millisecond[0]
    millisecond[0] += 5
    assert milliseconds_of(source.mint()) == millisecond[0]


def test_ids_rise_strictly_however_many_are_made() -> None:
    ids = [new_job_id() for _ in range(20_000)]

    assert all(a < b for a, b in pairwise(ids))
    assert {UUID(i).version for i in ids} == {7}


def test_ids_minted_together_rise_among_those_minted_singly(millisecond: list[int]) -> None:
    source = IdSource()
    ids = [source.mint(), *source.mint_many(500), source.mint(), *source.mint_many(500)]

    assert ids == sorted(set(ids))
    assert {milliseconds_of(i) for i in ids} == {millisecond[0]}
    assert {(UUID(i).version, UUID(i).variant, str(UUID(i)) == i) for i in ids} == {(7, RFC_4122, True)}
    assert source.mint_many(0) == []


def test_the_steps_between_ids_minted_together_are_random(millisecond: list[int]) -> None:
    tails = [UUID(i).int & ((1 << 62) - 1) for i in IdSource().mint_many(200)]

    assert len({b - a for a, b in pairwise(tails)}) > 190


def test_a_tail_that_is_used_up_among_many_goes_on_in_the_next_millisecond(millisecond: list[int]) -> None:
    source = IdSource()
    source.mint()
    source._tail = (1 << 74) - 2**33  # two steps or so from the end
    ids = source.mint_many(20)

    assert ids == sorted(set(ids))
    assert milliseconds_of(ids[0]) == millisecond[0]
    assert milliseconds_of(ids[-1]) == millisecond[0] + 1


def test_the_upper_part_of_the_tail_is_carried_into(millisecond: list[int]) -> None:
    source = IdSource()
    source.mint()
    source._tail = (5 << 62) - 2**33
    ids = source.mint_many(20)

    assert ids == sorted(set(ids))
    assert {(UUID(i).int >> 64) & 0xFFF for i in ids} == {4, 5}


def test_ids_rise_while_the_clock_stands_still(millisecond: list[int]) -> None:
    source = IdSource()
    ids = [source.mint() for _ in range(5_000)]

    assert ids == sorted(set(ids))
    assert {milliseconds_of(i) for i in ids} == {millisecond[0]}


def test_ids_rise_though_the_clock_goes_back(millisecond: list[int]) -> None:
    source = IdSource()
    before = source.mint()
    millisecond[0] -= 3_600_000
    during = [source.mint() for _ in range(100)]
    millisecond[0] += 7_200_000
    later = source.mint()

    assert [before, *during, later] == sorted({before, *during, later})


def test_a_tail_that_is_used_up_goes_on_in_the_next_millisecond(millisecond: list[int]) -> None:
    source = IdSource()
    source.mint()
    source._tail = (1 << 74) - 1
    last = source.mint()

    assert milliseconds_of(last) == millisecond[0] + 1
    assert source.mint() > last


@given(steps=st.lists(st.integers(-5, 5), max_size=50))
def test_ids_rise_whatever_the_clock_does(steps: list[int]) -> None:
    now = [1_750_000_000_000]
    source = IdSource()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: now[0] * 1_000_000)
        ids = []
        for step in steps:
            now[0] += step
            ids.append(source.mint())

    assert ids == sorted(set(ids))


def test_threads_share_one_source_without_meeting() -> None:
    made: list[list[str]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=lambda box=box: box.extend(new_job_id() for _ in range(2000))) for box in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({i for box in made for i in box}) == 8000
    assert all(box == sorted(box) for box in made)


def test_two_forked_children_and_their_parent_never_mint_the_same_id() -> None:
    new_job_id()
    children = [fork(lambda: " ".join(new_job_id() for _ in range(500))) for _ in range(2)]
    mine = [new_job_id() for _ in range(500)]
    theirs = [child().split() for child in children]

    everything = [*mine, *theirs[0], *theirs[1]]
    assert len(set(everything)) == 1500
    assert all(ids == sorted(ids) for ids in (mine, *theirs))


def test_what_a_child_mints_cannot_be_told_from_what_its_parent_minted(millisecond: list[int]) -> None:
    """Fresh randomness after the fork: the child does not count on from the parent's last id."""
    parent = UUID(new_job_id()).int & ((1 << 62) - 1)
    child = UUID(fork(new_job_id)()).int & ((1 << 62) - 1)

    assert abs(parent - child) > 2**40


def test_host_ids_are_16_hexadecimal_digits() -> None:
    ids = {new_host_id() for _ in range(100)}

    assert len(ids) == 100
    assert all(len(i) == 16 and int(i, 16) >= 0 for i in ids)


def test_process_ids_are_positive_and_fit_a_signed_word() -> None:
    ids = {new_process_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(0 < i <= 2**62 for i in ids)
