"""A worker's place on the board: what it publishes, and when it may claim or start."""

from __future__ import annotations

import pytest

from forge_jobs.ids import new_job_id
from forge_jobs.storage.records import Claim
from forge_jobs_supervisor.unix.board import (
    FORGETTABLE,
    FORGOTTEN,
    NONE,
    OVERDUE,
    STOOD_STILL,
    Board,
    Head,
    State,
    Word,
)
from forge_jobs_supervisor.worker.seat import COORDINATOR_ABSENT, Seat


class Time:
    """The monotonic clock that a seat reads."""

    def __init__(self) -> None:
        self.now = 1_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr("forge_jobs_supervisor.worker.seat.monotonic_us", made)
    return made


@pytest.fixture
def board(time: Time) -> Board:
    made = Board.create(3)
    made.set_head(Head.COORDINATOR_BEAT, time.now)
    return made


@pytest.fixture
def seat(board: Board) -> Seat:
    return Seat(board, board.slot(1))


def a_claim(number: int, kind: str = "work") -> Claim:
    return Claim(1, new_job_id(), kind, "default", number, 1, 5, 0, b"{}")


def words(board: Board, *names: int) -> list[int]:
    return [board.slot(1).get(name) for name in names]


def test_a_worker_publishes_who_it_is(seat: Seat, board: Board) -> None:
    seat.announce(2**62, 4711)

    assert words(board, Word.PROCESS_ID, Word.PID) == [2**62, 4711]


def test_a_worker_publishes_what_it_does_and_since_when(seat: Seat, board: Board, time: Time) -> None:
    time.now += 5
    seat.enter(State.IDLE)

    assert words(board, Word.STATE, Word.SINCE) == [State.IDLE, time.now]


def test_after_an_exchange_all_that_was_started_is_recorded_and_the_claims_are_held(
    seat: Seat, board: Board, time: Time
) -> None:
    seat.took([1, 2, 3])
    assert seat.start(a_claim(1))
    seat.took([2, 3, 4, 7])

    assert words(board, Word.RECORDED_NO, Word.STARTED_NO, Word.HELD_TO) == [1, 1, 7]
    assert words(board, Word.SINCE) == [time.now]


def test_after_an_exchange_that_gave_nothing_nothing_is_held(seat: Seat, board: Board) -> None:
    seat.took([1, 2, 3])
    assert seat.start(a_claim(1))
    seat.took([])

    assert words(board, Word.RECORDED_NO, Word.STARTED_NO, Word.HELD_TO) == [1, 1, 1]


def test_a_job_that_starts_is_published(seat: Seat, board: Board, time: Time) -> None:
    seat.took([1, 2])
    seat.progress(5, 10, "of the job before")
    time.now += STOOD_STILL
    claim = a_claim(1, "resize")

    assert seat.start(claim) == time.now

    slot = board.slot(1)
    assert (slot.state, slot.job_id(), slot.text(Word.KIND)) == (State.RUNNING, claim.id, "resize")
    assert words(board, Word.STARTED_NO, Word.STARTED_AT, Word.SINCE) == [1, time.now, time.now]
    assert words(board, Word.PROGRESS_DONE, Word.PROGRESS_TOTAL) == [NONE, NONE]


def test_a_worker_that_stood_still_starts_nothing_that_it_held(seat: Seat, time: Time) -> None:
    seat.took([1, 2])
    time.now += STOOD_STILL + 1

    assert seat.start(a_claim(1)) is None


def test_each_job_that_starts_is_a_sign_of_life(seat: Seat, time: Time) -> None:
    seat.took([1, 2, 3])
    for number in (1, 2, 3):
        time.now += STOOD_STILL
        assert seat.start(a_claim(number)) is not None


@pytest.mark.parametrize(("pause", "stood_still"), [(STOOD_STILL, False), (STOOD_STILL + 1, True)])
def test_a_worker_learns_that_it_stood_still(seat: Seat, time: Time, pause: int, stood_still: bool) -> None:
    seat.enter(State.EXCHANGE)
    time.now += pause
    assert seat.took([1]) == pause
    time.now += pause
    assert seat.enter(State.EXCHANGE) is stood_still
    assert not seat.enter(State.IDLE)


def test_a_worker_gives_up_sooner_than_the_coordinator_does() -> None:
    assert STOOD_STILL < OVERDUE
    assert FORGETTABLE < FORGOTTEN


def test_nothing_is_started_when_the_parent_says_so(seat: Seat, board: Board) -> None:
    seat.took([1])
    board.slot(1).set(Word.NO_START, 1)

    assert seat.start(a_claim(1)) is None


def test_progress_is_published(seat: Seat, board: Board) -> None:
    seat.progress(5, 10, "half way")
    assert words(board, Word.PROGRESS_DONE, Word.PROGRESS_TOTAL) == [5, 10]
    assert board.slot(1).text(Word.NOTE) == "half way"

    seat.progress(6, None, None)
    assert words(board, Word.PROGRESS_DONE, Word.PROGRESS_TOTAL) == [6, NONE]
    assert board.slot(1).text(Word.NOTE) == ""


def test_recorded_jobs_are_counted(seat: Seat, board: Board) -> None:
    seat.count(3)
    seat.count(4)

    assert words(board, Word.JOBS_DONE) == [7]


def test_nothing_is_claimed_once_the_parent_shuts_down(seat: Seat, board: Board) -> None:
    assert seat.may_claim
    board.set_head(Head.NO_CLAIMS, 1)
    assert not seat.may_claim


def test_nothing_is_claimed_while_the_coordinator_is_gone(seat: Seat, board: Board, time: Time) -> None:
    time.now += COORDINATOR_ABSENT - 1
    assert seat.may_claim
    time.now += 1
    assert not seat.may_claim
    board.set_head(Head.COORDINATOR_BEAT, time.now)
    assert seat.may_claim


@pytest.mark.parametrize(
    ("number", "queue", "state", "idle"),
    [(0, 0, State.IDLE, True), (0, 0, State.RUNNING, False), (0, 1, State.IDLE, False), (1, 0, State.IDLE, False)],
)
def test_a_sibling_is_another_worker_of_the_same_queue(
    seat: Seat, board: Board, number: int, queue: int, state: State, idle: bool
) -> None:
    board.slot(number).set(Word.QUEUE, queue)
    board.slot(number).set(Word.STATE, state)

    assert seat.sibling_idle is idle
