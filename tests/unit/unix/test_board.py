"""The board: what one process writes the other reads."""

from __future__ import annotations

import os
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.ids import new_job_id
from forge_jobs_supervisor.unix.board import MAGIC, VERSION, Board, Head, State, Word
from tests.support.builders import a_board
from tests.support.forking import in_child

LARGEST = 2**63 - 1
WORDS = [word for word in vars(Word).values() if isinstance(word, int)]


@pytest.fixture
def board() -> Board:
    return a_board(3)


def test_a_new_board_says_what_it_is_and_is_empty(board: Board) -> None:
    assert [board.head(word) for word in (Head.MAGIC, Head.VERSION, Head.SLOTS)] == [MAGIC, VERSION, 3]
    assert (board.head(Head.NO_CLAIMS), board.head(Head.COORDINATOR_BEAT)) == (0, 0)
    assert [board.slot(n).state for n in range(board.slots)] == [State.FREE] * 3


def test_words_keep_every_number_of_64_bits(board: Board) -> None:
    slot = board.slot(1)
    for word in WORDS:
        for value in (0, 1, -1, LARGEST, -LARGEST - 1):
            slot.set(word, value)
            assert slot.get(word) == value


def test_slots_do_not_touch_each_other_or_the_header(board: Board) -> None:
    for number in range(3):
        for word in WORDS:
            board.slot(number).set(word, number + 1)
    board.slot(1).clear()

    assert [board.slot(n).get(w) for n in (0, 2) for w in WORDS] == [1] * len(WORDS) + [3] * len(WORDS)
    assert [board.slot(1).get(w) for w in WORDS] == [0] * len(WORDS)
    assert board.head(Head.MAGIC) == MAGIC


def test_a_child_writes_what_its_parent_reads(board: Board) -> None:
    def child() -> str:
        board.slot(2).set(Word.HELD_TO, 42)
        board.slot(2).set_text(Word.KIND, "resize")
        return str(board.head(Head.NO_CLAIMS))

    board.set_head(Head.NO_CLAIMS, 1)

    assert in_child(child) == "1"
    assert (board.slot(2).get(Word.HELD_TO), board.slot(2).text(Word.KIND)) == (42, "resize")


def test_a_job_id_comes_back(board: Board) -> None:
    job_id = new_job_id()
    board.slot(0).set_job_id(job_id)

    assert board.slot(0).job_id() == job_id
    assert board.slot(0).get(Word.STOP_CLAIM) == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", ""), ("resize", "resize"), ("x" * 63, "x" * 63), ("x" * 64, "x" * 63), ("é" * 40, "é" * 31), ("\ud800", "?")],
)
def test_a_text_is_cut_to_what_fits_between_two_characters(board: Board, text: str, shown: str) -> None:
    slot = board.slot(0)
    slot.set_text(Word.KIND, "something longer that was there before")
    slot.set_text(Word.NOTE, "note")
    slot.set_text(Word.KIND, text)

    assert (slot.text(Word.KIND), slot.text(Word.NOTE)) == (shown, "note")


@given(text=st.text(max_size=100))
def test_any_text_can_be_shown(text: str) -> None:
    slot = a_board(1).slot(0)
    slot.set_text(Word.NOTE, text)

    assert text.rstrip("\0").startswith(slot.text(Word.NOTE))


def test_a_board_that_is_taken_over_shows_what_it_showed_and_has_more_slots_if_need_be(board: Board) -> None:
    board.slot(2).set(Word.HELD_TO, 42)

    taken = Board.adopt(os.dup(board.fd), 5)
    weakref.finalize(taken, os.close, taken.fd)

    assert [taken.head(word) for word in (Head.MAGIC, Head.VERSION, Head.SLOTS)] == [MAGIC, VERSION, 5]
    assert taken.slot(2).get(Word.HELD_TO) == 42
    assert [taken.slot(n).state for n in (3, 4)] == [State.FREE] * 2


def test_whoever_had_it_before_sees_what_is_written_now(board: Board) -> None:
    taken = Board.adopt(os.dup(board.fd), 5)
    weakref.finalize(taken, os.close, taken.fd)
    taken.slot(4).set(Word.HELD_TO, 5)

    taken.slot(1).set(Word.STOP_CLAIM, 7)

    assert board.slot(1).get(Word.STOP_CLAIM) == 7
