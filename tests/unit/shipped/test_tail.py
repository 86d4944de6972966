"""The end of an output: bounded, and never a broken character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs_supervisor.shipped.tail import Tail


def tail_of(*chunks: bytes, kept: int = 10) -> Tail:
    tail = Tail(kept)
    for chunk in chunks:
        tail.take(chunk)
    return tail


def test_what_fits_is_kept_whole() -> None:
    tail = tail_of(b"one ", b"two")
    assert (tail.text(), tail.total, tail.cut) == ("one two", 7, False)


def test_of_more_the_end_is_kept() -> None:
    tail = tail_of(b"0123456789", b"abc")
    assert (tail.text(), tail.total, tail.cut) == ("3456789abc", 13, True)


@pytest.mark.parametrize("character", ["é", "€", "𝄞"])
def test_a_character_that_the_cut_went_through_is_left_out(character: str) -> None:
    for size in range(1, 12):
        text = tail_of((character * 12).encode(), kept=size).text()
        assert text == character * (size // len(character.encode()))


def test_what_is_no_text_is_replaced() -> None:
    assert tail_of(b"a\xffb").text() == "a\ufffdb"


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 30))
def test_the_tail_is_that_of_all_bytes_and_stays_small(chunks: list[bytes], kept: int) -> None:
    tail = tail_of(*chunks, kept=kept)
    everything = b"".join(chunks)
    assert everything[-kept:].decode("utf-8", "replace").endswith(tail.text())
    assert len(everything[-kept:].decode("utf-8", "replace")) - len(tail.text()) <= 3
    assert len(tail._bytes) <= 2 * kept


@pytest.mark.parametrize(
    ("printed", "line"),
    [(b"", ""), (b"\n \n", ""), (b"one\ntwo\n", "two"), (b"one\nt", "t"), (b"1%\r2%\r", "2%"), (b"a b\n\n", "a b")],
)
def test_the_last_line_is_the_one_that_says_something(printed: bytes, line: str) -> None:
    assert tail_of(printed, kept=100).last_line() == line
