"""A worker's place on the board: what it publishes, and when it may claim or start."""

from __future__ import annotations

import pytest

from forge_jobs.ids import new_job_id
from forge_jobs.model.stops import StopReason
from forge_jobs.storage.claims import Claim
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
from forge_jobs_supervisor.worker.seat import COORDINATOR_ABSENT, Limits, Seat
from tests.support.builders import a_board


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
    made = a_board(3)
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


# -- limits ----------------------------------------------------------------------------------------------------------

LIMITS = Limits(time=2_000_000, memory=8 * 2**20, grace=500_000)
LIMIT_WORDS = (Word.DEADLINE, Word.MEMORY_LIMIT, Word.GRACE)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What this process has, told by the last number."""
    told = [50 * 2**20]
    monkeypatch.setattr("forge_jobs_supervisor.worker.seat.private_memory", lambda: told[-1])
    return told


def test_a_jobs_limits_are_published_with_what_its_worker_has_before(
    seat: Seat, board: Board, time: Time, memory: list[int]
) -> None:
    seat.took([1])
    time.now += 5
    seat.start(a_claim(1), LIMITS)
    seat.began(123)

    assert words(board, *LIMIT_WORDS) == [time.now + 2_000_000, 8 * 2**20, 500_000]
    assert words(board, Word.MEMORY_BEFORE, Word.CPU_BEFORE) == [memory[-1], 123]
    assert seat.time_limit == 2.0


def test_a_job_without_limits_has_none_whatever_the_one_before_had(
    seat: Seat, board: Board, time: Time, memory: list[int]
) -> None:
    seat.took([1, 2])
    seat.start(a_claim(1), LIMITS)
    seat.shield(30)
    seat.ended()
    seat.start(a_claim(2))

    assert words(board, *LIMIT_WORDS, Word.SHIELD_UNTIL) == [0, 0, 0, 0]


def test_limits_end_with_their_job(seat: Seat, board: Board, memory: list[int]) -> None:
    seat.took([1])
    seat.start(a_claim(1), LIMITS)

    seat.ended()

    assert words(board, Word.DEADLINE, Word.MEMORY_LIMIT) == [0, 0]


def test_each_job_is_measured_from_what_its_worker_has_at_its_start(
    seat: Seat, board: Board, memory: list[int]
) -> None:
    seat.took([1, 2])
    for number in (1, 2):
        memory.append(number)
        seat.start(a_claim(number), LIMITS)
        assert words(board, Word.MEMORY_BEFORE) == [number]
        seat.ended()


def test_whoever_reads_a_claims_number_finds_its_own_grace(
    board: Board, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words are written in an order: with a new claim's number never stands the last one's grace or shield."""
    seat = Seat(board, board.slot(1))
    seat.took([1, 2])
    seat.start(a_claim(1), LIMITS._replace(memory=0))
    seat.shield(30)
    seat.ended()
    seen = []

    class Watched:
        def __getitem__(self, word: int) -> int:
            return board.slot(1).get(word)

        def __setitem__(self, word: int, value: int) -> None:
            board.slot(1).set(word, value)
            seen.append(tuple(words(board, Word.STARTED_NO, Word.GRACE, Word.SHIELD_UNTIL)))

    monkeypatch.setattr(seat, "_words", Watched())
    seat.start(a_claim(2), Limits(grace=7))

    assert {shown[1:] for shown in seen if shown[0] == 2} == {(7, 0)}


# -- the mailbox -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("claim_no", "reason"), [(0, None), (1, None), (2, StopReason.MEMORY), (3, None)])
def test_a_job_is_to_stop_when_the_mailbox_names_its_claim(
    seat: Seat, board: Board, claim_no: int, reason: StopReason | None
) -> None:
    seat.took([2])
    seat.start(a_claim(2))
    board.slot(1).set(Word.STOP_REASON, StopReason.MEMORY)
    board.slot(1).set(Word.STOP_CLAIM, claim_no)

    assert seat.stop_requested is reason


def test_before_its_first_job_a_worker_has_nothing_to_stop(seat: Seat) -> None:
    assert seat.stop_requested is None


def test_a_worker_learns_that_it_is_closed_how_much_mail_there_is_and_whether_limits_are_watched(
    seat: Seat, board: Board
) -> None:
    assert (seat.closed, seat.mail, seat.is_watched) == (False, 0, False)
    board.slot(1).set(Word.NO_START, 1)
    board.slot(1).set(Word.MAIL, 3)
    board.set_head(Head.WATCHING, 1)

    assert (seat.closed, seat.mail, seat.is_watched) == (True, 3, True)


def test_a_shield_never_asks_for_less_than_one_before_until_it_is_taken_back(
    seat: Seat, board: Board, time: Time
) -> None:
    for seconds, asked in ((10.0, 10_000_000), (5.0, 10_000_000), (30.0, 30_000_000)):
        seat.shield(seconds)
        assert words(board, Word.SHIELD_UNTIL) == [time.now + asked]
    seat.unshield()

    assert words(board, Word.SHIELD_UNTIL) == [0]


def test_a_worker_publishes_where_its_stack_goes_even_if_that_is_the_first_descriptor(seat: Seat, board: Board) -> None:
    seat.takes_stack(0)

    assert words(board, Word.STACK_FD) == [1]
