"""A worker starts a held job while the coordinator gives it back: whichever comes second sees the other.

The coordinator only reads. So every way in which the two can interleave is the worker's history, moment by moment,
and for each read of the coordinator a moment that is no earlier than that of the read before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement, groupby
from typing import Any, NamedTuple

import pytest

from forge_jobs.storage.claims import Claim
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.unix.board import OVERDUE, State, Word
from forge_jobs_supervisor.worker.seat import Seat
from tests.support.builders import a_board

LONG_AGO = 100 * OVERDUE
PAUSE = 10 * OVERDUE
PROCESS = 99
JOB = "0192d3c1-0000-7000-8000-000000000000"


class Moment(NamedTuple):
    """What a coordinator can see of a worker: the clock, and the words it reads."""

    now: int
    held_to: int
    since: int
    started_no: int

    def get(self, word: int) -> int:
        return {Word.HELD_TO: self.held_to, Word.SINCE: self.since, Word.STARTED_NO: self.started_no}[word]


class Recording:
    """The slot's words as the worker sees them; each access of the worker is one more moment of its history.

    Time stands still but for one pause, before access number ``pause_at``.
    """

    def __init__(self, words: memoryview, pause_at: int) -> None:
        self._words = words
        self._pause_at = pause_at
        self.now = LONG_AGO
        self.moments: list[Moment] = []
        self.started: list[int] = []

    def moment(self) -> None:
        if len(self.moments) == self._pause_at:
            self.now += PAUSE
        words = self._words
        self.moments.append(Moment(self.now, words[Word.HELD_TO], words[Word.SINCE], words[Word.STARTED_NO]))

    def clock(self) -> int:
        self.moment()
        return self.now

    def __getitem__(self, word: int) -> int:
        self.moment()
        return self._words[word]

    def __setitem__(self, word: int, value: int) -> None:
        self.moment()
        self._words[word] = value


def work(seat: Seat, recording: Recording) -> None:
    """Do what a worker does: claim three jobs, start one, hand it in and keep the others, start those."""
    seat.enter(State.EXCHANGE)
    seat.took([1, 2, 3])
    if not start(seat, recording, 1):
        return
    if seat.enter(State.EXCHANGE) or seat.took([2, 3]):
        return  # it stood still: what it held it gives back itself
    for number in (2, 3):
        if not start(seat, recording, number):
            return


def start(seat: Seat, recording: Recording, number: int) -> bool:
    if seat.start(Claim(number, JOB, "work", "default", number, 1, 5, 0, b"")) is None:
        return False
    recording.started.append(number)
    return True


def history(pause_at: int) -> Recording:
    """Return what a worker does that has been idle for long, with one pause on the way."""
    board = a_board(1)
    seat = Seat(board, board.slot(0))
    seat.announce(PROCESS, 1)
    recording = Recording(board.slot(0).words, pause_at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("forge_jobs_supervisor.worker.seat.monotonic_us", recording.clock)
        patch.setattr(seat, "_words", recording)
        work(seat, recording)
    recording.moment()
    return recording


PAUSES = range(len(history(-1).moments))


class PastSlot:
    """A slot that shows, at each read, the moment it is told to."""

    def __init__(self) -> None:
        self.reads: Iterator[Moment] = iter(())

    @property
    def state(self) -> State:
        return State.RUNNING

    def get(self, word: int) -> int:
        return PROCESS if word is Word.PROCESS_ID else next(self.reads).get(word)


@pytest.fixture
def slot() -> PastSlot:
    return PastSlot()


@pytest.fixture
def view(slot: PastSlot) -> BoardView:
    made = BoardView(a_board(1), ["default"])
    shown: Any = slot
    made._slots = [shown]
    return made


@pytest.mark.parametrize("pause_at", PAUSES)
def test_no_job_is_both_started_and_given_back(view: BoardView, slot: PastSlot, pause_at: int) -> None:
    worker = history(pause_at)
    moments = [moment for moment, _alike in groupby(worker.moments)]

    for clock, *reads in combinations_with_replacement(moments, 4):
        slot.reads = iter(reads)
        for _process, given_back in view.overdue_holders(clock.now):
            both = set(worker.started) & set(given_back)
            assert not both, f"started and given back: {both}; the coordinator saw {clock, *reads}"


def test_a_worker_that_pauses_for_long_stops_starting_what_it_holds() -> None:
    """The proof above is not empty: there is a pause that stops the worker at each of its jobs."""
    assert {tuple(history(pause_at).started) for pause_at in PAUSES} == {(), (1,), (1, 2), (1, 2, 3)}


def test_the_coordinator_sees_such_a_pause(view: BoardView, slot: PastSlot) -> None:
    """Nor is it for want of give-backs: what is left after each job is given back at some moment."""
    seen = set()
    for pause_at in PAUSES:
        for moment in history(pause_at).moments:
            slot.reads = iter([moment] * 3)
            seen |= {tuple(given_back) for _process, given_back in view.overdue_holders(moment.now)}

    assert seen == {(1, 2, 3), (2, 3), (3,)}
