"""Contestants of the benchmarks do what the suite relies on: those that need no peer to be installed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.marks import Marks
from benchmarks.peers.base import Arena, Contestant, Job, NotOnce
from benchmarks.peers.executor import Executor
from benchmarks.peers.ours import ForgePostgres, ForgeSqlite
from benchmarks.peers.pool import MultiprocessingPool
from benchmarks.peers.roster import ROSTER
from benchmarks.suite.rounds import until_done
from tests.support.until import until

pytestmark = pytest.mark.processes
HERE: tuple[Contestant, ...] = (ForgeSqlite(), ForgePostgres(), Executor(), MultiprocessingPool())


@pytest.fixture(params=HERE, ids=lambda contestant: contestant.name)
def contestant(request: pytest.FixtureRequest) -> Contestant:
    found: Contestant = request.param
    return found


@pytest.fixture
def arena(contestant: Contestant) -> Iterator[Arena]:
    with contestant.ground() as found:
        yield found


def test_jobs_enqueued_before_and_while_workers_are_there_are_each_done_once(arena: Arena) -> None:
    arena.enqueue(Job("nothing", 0))
    arena.enqueue_bulk([Job("nothing", number) for number in range(1, 30)])
    with arena.farm(2):
        arena.enqueue_bulk([Job("nothing", number) for number in range(30, 39)])
        arena.enqueue(Job("nothing", 39))
        until_done(arena, 40)
    assert arena.done() == 40
    arena.check_once(40)


def test_a_job_that_is_missing_is_noticed(arena: Arena) -> None:
    arena.enqueue(Job("nothing", 0))
    with arena.farm(1):
        until_done(arena, 1)
    with pytest.raises(NotOnce, match="2 jobs were enqueued"):
        arena.check_once(2)


def test_jobs_mark_their_times_in_workers(arena: Arena, tmp_path: Path) -> None:
    with Marks(tmp_path / "marks", 2) as marks:
        marks.enqueued(0)
        arena.enqueue(Job("mark", 0))
        marks.enqueued(1)
        arena.enqueue(Job("spin", 1, turns=1000))
        with arena.farm(2):
            until_done(arena, 2)
        for enqueued, started, ended in zip(marks.enqueues, marks.starts, marks.ends, strict=True):
            assert 0 < enqueued < started < ended < time.time()


def test_when_jobs_were_recorded_is_told_by_their_numbers_or_not_at_all(arena: Arena, contestant: Contestant) -> None:
    before = time.time()
    arena.enqueue(Job("nothing", 0))
    arena.enqueue(Job("nothing", 1))
    with arena.farm(1):
        until_done(arena, 2)
    recorded = arena.recorded()
    if contestant.store == "sqlite":
        assert recorded is None
    else:
        assert recorded is not None
        assert len(recorded) == 2
        assert all(before < instant < time.time() for instant in recorded)


def test_a_farm_names_its_processes_and_leaves_none(arena: Arena) -> None:
    with arena.farm(2) as pids:
        assert len(set(pids)) >= 2
        processes = [psutil.Process(pid) for pid in pids]
    until(lambda: not any(process.is_running() for process in processes), within=5, told="all processes to be gone")


def test_jobs_wait_for_the_next_farm(arena: Arena) -> None:
    with arena.farm(1):
        pass
    arena.enqueue(Job("nothing", 0))
    with arena.farm(1):
        until_done(arena, 1)
    arena.check_once(1)


@pytest.mark.parametrize("peer", ROSTER, ids=lambda peer: peer.name)
def test_each_says_what_it_is(peer: Contestant) -> None:
    if reason := peer.missing():
        pytest.skip(reason)
    assert peer.version()
    assert peer.pace > 0
    assert "\n" not in peer.settings


def test_names_tell_contestants_apart() -> None:
    assert len({peer.name for peer in ROSTER}) == len(ROSTER)
