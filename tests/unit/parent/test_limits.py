"""Time and memory limits of running jobs, read off a real board, by a clock and a memory to turn."""

from __future__ import annotations

import os

import pytest

from forge_jobs.ids import new_job_id
from forge_jobs.model.stops import StopReason
from forge_jobs.storage.claims import Claim
from forge_jobs_supervisor.parent.awake import AwakeClock
from forge_jobs_supervisor.parent.limits import HOPELESS, LOOK, SOONEST, LimitWatch, Sight
from forge_jobs_supervisor.unix.board import State, Word
from forge_jobs_supervisor.worker.seat import Limits, Seat
from tests.support.builders import a_board
from tests.support.forking import in_child

PID, PROCESS_ID = 4711, 99
MB = 2**20
BEFORE = 50 * MB
"""What the worker has before its job."""


class World:
    """One worker on a board, run by a real seat; the time and its memory are turned by hand."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.memory: int | Exception = BEFORE
        self.asked: list[int | str] = []
        patch.setattr("forge_jobs_supervisor.parent.awake.monotonic", lambda: self.now)
        patch.setattr("forge_jobs_supervisor.worker.seat.monotonic_us", lambda: round(self.now * 1e6))
        patch.setattr("forge_jobs_supervisor.worker.seat.private_memory", self.private_memory)
        patch.setattr("forge_jobs_supervisor.parent.limits.private_memory", self.private_memory)
        board = a_board(2)
        self.slot = board.slot(1)
        self.seat = Seat(board, self.slot)
        self.seat.announce(PROCESS_ID, PID)
        self.clock = AwakeClock()
        self.watch = LimitWatch(board, self.clock)

    def private_memory(self, pid: int | str = "self") -> int:
        self.asked.append(pid)
        if isinstance(self.memory, Exception):
            raise self.memory
        return self.memory

    def start(self, claim_no: int = 1, *, seconds: float = 0.0, memory: int = 0) -> None:
        self.seat.took([claim_no])
        claim = Claim(1, new_job_id(), "work", "default", claim_no, 1, 5, 0, b"")
        assert self.seat.start(claim, Limits(time=round(seconds * 1e6), memory=memory)) is not None

    def look(self, after: float = 0.0, grown: int | None = None) -> Sight | None:
        self.now += after
        if grown is not None:
            self.memory = BEFORE + grown
        return self.watch.look(PID, 1)

    def sight(self, after: float = 0.0, grown: int | None = None) -> Sight:
        seen = self.look(after, grown)
        assert seen is not None
        assert (seen.process_id, seen.claim_no) == (PROCESS_ID, self.slot.get(Word.STARTED_NO))
        return seen


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_job_without_limits_is_not_looked_at(world: World) -> None:
    assert world.look() is None
    world.start()

    assert world.look() is None
    assert world.asked == []


@pytest.mark.parametrize("state", set(State) - {State.RUNNING})
def test_only_a_running_job_is_looked_at(world: World, state: State) -> None:
    world.start(seconds=1.0, memory=MB)
    world.slot.set(Word.STATE, state)

    assert world.look(after=10.0, grown=10 * MB) is None


# -- time ------------------------------------------------------------------------------------------------------------


def test_a_job_within_its_time_has_passed_nothing_and_no_memory_is_asked_for(world: World) -> None:
    world.start(seconds=10.0)

    assert world.sight(after=9.9).reason is None
    assert world.asked == []


@pytest.mark.parametrize("late", [0.0, 0.01, 100.0])
def test_a_job_past_its_time_is_told(world: World, late: float) -> None:
    world.start(seconds=2.5)
    world.look()

    seen = world.sight(after=2.5 + late)

    assert (seen.reason, seen.hopeless) == (StopReason.TIMEOUT, False)
    assert seen.told == "the job ran longer than its limit of 2.5 s"


@pytest.mark.parametrize(("left", "wait"), [(10.0, LOOK), (LOOK, LOOK), (LOOK / 2, LOOK / 2), (SOONEST / 2, SOONEST)])
def test_the_next_look_is_at_the_limit_or_a_little_later(world: World, left: float, wait: float) -> None:
    world.start(seconds=20.0)

    assert world.sight(after=20.0 - left).wait == pytest.approx(wait, rel=1e-6)


def test_a_pause_of_this_process_lengthens_no_jobs_time_but_counts_for_none(world: World) -> None:
    world.start(seconds=2.0)
    world.look()
    world.clock.waited(LOOK)
    world.now += 60.0
    world.clock.waited(LOOK)

    assert world.sight(after=1.9).reason is None
    assert world.sight(after=0.2).reason is StopReason.TIMEOUT


def test_a_job_has_its_own_time_and_not_the_one_of_the_job_before(world: World) -> None:
    world.start(1, seconds=2.0)
    world.look()
    world.seat.ended()
    world.now += 1.9
    world.start(2, seconds=2.0)

    assert world.sight(after=1.9).reason is None
    assert world.sight(after=0.1).reason is StopReason.TIMEOUT


def test_a_job_without_limits_after_one_with_limits_is_left_alone(world: World) -> None:
    world.start(1, seconds=1.0, memory=MB)
    world.seat.ended()
    world.start(2)

    assert world.look(after=10.0, grown=10 * MB) is None


def test_another_worker_in_the_slot_has_its_own_time(world: World) -> None:
    world.start(1, seconds=2.0)
    world.look()
    world.slot.clear()
    world.now += 1.9
    world.seat.announce(PROCESS_ID + 1, PID)
    world.start(1, seconds=2.0)

    seen = world.look(after=1.9)

    assert seen is not None
    assert (seen.process_id, seen.reason) == (PROCESS_ID + 1, None)


# -- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grown", "passed"), [(-MB, False), (0, False), (8 * MB, False), (8 * MB + 1, True)])
def test_a_job_may_use_as_much_more_than_its_idle_worker_as_its_limit(world: World, grown: int, passed: bool) -> None:
    world.start(memory=8 * MB)

    assert (world.sight(after=0.05, grown=grown).reason is StopReason.MEMORY) is passed
    assert world.asked == ["self", PID]


def test_what_a_job_used_is_told_and_written_down_for_its_worker(world: World) -> None:
    world.start(memory=8 * MB)

    seen = world.sight(after=0.05, grown=8 * MB + MB // 2)

    assert seen.told == "the job used 8.5 MiB more than its idle worker; its limit is 8.0 MiB"
    assert world.seat.memory == (8 * MB, 8 * MB + MB // 2)


@pytest.mark.parametrize(("times", "hopeless"), [(1.01, False), (HOPELESS - 0.01, False), (HOPELESS + 0.01, True)])
def test_a_job_far_beyond_its_limit_is_hopeless(world: World, times: float, hopeless: bool) -> None:
    world.start(memory=100 * MB)

    assert world.sight(after=0.05, grown=round(times * 100 * MB)).hopeless is hopeless


def test_memory_comes_before_time(world: World) -> None:
    world.start(seconds=1.0, memory=MB)

    assert world.sight(after=2.0, grown=2 * MB).reason is StopReason.MEMORY


@pytest.mark.parametrize(
    ("grown", "wait"),
    [
        ((0, 0), LOOK),  # it does not grow
        ((10, 5), LOOK),  # it shrinks
        ((0, 1), LOOK),  # it would pass in five seconds
        ((0, 50), 0.025),  # it would pass in 50 ms: half of that
        ((0, 80), 0.00625),
        ((0, 99), SOONEST),
    ],
)
def test_the_faster_a_job_grows_the_sooner_is_the_next_look(world: World, grown: tuple[int, int], wait: float) -> None:
    world.start(memory=100 * MB)
    world.sight(grown=grown[0] * MB)

    assert world.sight(after=0.05, grown=grown[1] * MB).wait == pytest.approx(wait)


def test_at_the_first_look_nobody_knows_how_fast_a_job_grows(world: World) -> None:
    world.start(memory=100 * MB)

    assert world.sight(after=0.05, grown=99 * MB).wait == LOOK


@pytest.mark.parametrize("megabytes_a_second", [10, 100, 1000, 3000])
def test_whoever_looks_when_he_is_told_to_catches_a_fast_allocator_within_its_limit_and_a_little(
    world: World, megabytes_a_second: int
) -> None:
    world.start(memory=300 * MB)
    grown, seen = 0.0, world.sight(grown=0)
    while seen.reason is None:
        grown += megabytes_a_second * seen.wait * MB
        seen = world.sight(after=seen.wait, grown=round(grown))

    assert grown <= 1.15 * 300 * MB


@pytest.mark.parametrize("error", [FileNotFoundError(), ProcessLookupError(), IndexError(), ValueError()])
def test_a_worker_that_is_gone_has_passed_nothing(world: World, error: Exception) -> None:
    world.start(seconds=1.0, memory=MB)
    world.memory = error

    assert world.look(after=5.0) is None


def test_what_was_read_of_two_jobs_says_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second job starts between the look at the limit and the look at the memory."""
    world.start(1, memory=MB)

    def meanwhile(_pid: int) -> int:
        world.seat.ended()
        world.start(2, memory=1000 * MB)
        return BEFORE + 10 * MB

    monkeypatch.setattr("forge_jobs_supervisor.parent.limits.private_memory", meanwhile)

    assert world.look() is None


def test_a_job_that_ended_while_it_was_looked_at_has_passed_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start(1, memory=MB)

    def meanwhile(_pid: int) -> int:
        world.seat.ended()
        return BEFORE + 10 * MB

    monkeypatch.setattr("forge_jobs_supervisor.parent.limits.private_memory", meanwhile)

    assert world.look() is None


def test_a_real_process_that_takes_more_than_its_limit_is_seen() -> None:
    """Nothing is faked here: a child allocates, and looks at itself as its parent would."""

    def child() -> str:
        board = a_board(1)
        seat, watch = Seat(board, board.slot(0)), LimitWatch(board, AwakeClock())
        seat.announce(1, os.getpid())
        seat.took([1])
        seat.start(Claim(1, new_job_id(), "work", "default", 1, 1, 5, 0, b""), Limits(memory=32 * MB))
        before = watch.look(os.getpid(), 0)
        kept = bytearray(b"x") * (48 * MB)
        after = watch.look(os.getpid(), 0)
        assert before is not None
        assert after is not None
        assert len(kept) == 48 * MB
        return f"{before.reason} {after.reason!r} {after.hopeless}"

    assert in_child(child) == f"None {StopReason.MEMORY!r} True"
