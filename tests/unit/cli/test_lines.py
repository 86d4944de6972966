"""Lines of standard input, as they come."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs import InvalidValue
from forge_jobs_supervisor.cli.lines import LONGEST, MOST_LINES, batches


def read(text: bytes, separator: bytes = b"\n") -> list[list[tuple[int, str]]]:
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.seek(0)
        return list(batches(file.fileno(), separator))


def lines(text: bytes, separator: bytes = b"\n") -> list[str]:
    return [line for batch in read(text, separator) for _number, line in batch]


@given(st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"))), st.booleans())
def test_every_line_that_is_not_empty_comes_once_and_in_order(texts: list[str], ended: bool) -> None:
    assert lines("\n".join([*texts, ""] if ended else texts).encode()) == [text for text in texts if text]


def test_lines_keep_their_numbers() -> None:
    assert read(b"a\n\n\nb") == [[(1, "a"), (4, "b")]]


def test_lines_may_end_in_nul() -> None:
    assert lines(b"a\nb\0c\0", b"\0") == ["a\nb", "c"]


def test_no_batch_is_too_large_for_a_transaction() -> None:
    assert [len(batch) for batch in read(b"x\n" * 1201)] == [MOST_LINES, MOST_LINES, 201]
    assert (
        max(map(len, read(b"x" * 1_000_000 + b"\n" + b"y" * 1_000_000 + b"\n" * 5 + (b"z" * 900_000 + b"\n") * 9))) < 7
    )


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_lines_are_given_when_no_more_are_there(pipe: tuple[int, int]) -> None:
    """Whoever writes them slowly is not kept waiting for the batch to be full."""
    reader, writer = pipe
    found = batches(reader)
    os.write(writer, b"one\ntwo\nthr")
    assert next(found) == [(1, "one"), (2, "two")]
    os.write(writer, b"ee\n")
    assert next(found) == [(3, "three")]


def test_those_before_a_bad_line_are_given_first() -> None:
    found = batches_of(b"a\nb\n\xff\nc\n")
    assert next(found) == [(1, "a"), (2, "b")]
    with pytest.raises(InvalidValue, match="line 3 is not UTF-8"):
        next(found)


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(InvalidValue, match="line 1 is longer than 1,048,576 bytes"):
        lines(b"x" * (LONGEST + 200_000))


def batches_of(text: bytes) -> Iterator[list[tuple[int, str]]]:
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.seek(0)
        yield from batches(file.fileno())
