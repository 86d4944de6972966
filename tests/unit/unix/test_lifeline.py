"""The private line between the parent and one child."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forge_jobs_supervisor.unix.lifeline import MAX_DATAGRAM, Lifeline


@pytest.fixture
def line() -> Iterator[tuple[Lifeline, Lifeline]]:
    ends = Lifeline.pair()
    yield ends
    for end in ends:
        end.close()


def test_what_is_sent_comes_whole_and_in_order(line: tuple[Lifeline, Lifeline]) -> None:
    mine, theirs = line
    for datagram in (b"one", b"x" * 10_000, b"three"):
        assert mine.send(datagram)

    assert theirs.receive() == ([b"one", b"x" * 10_000, b"three"], True)
    assert theirs.receive() == ([], True)


def test_the_line_goes_both_ways(line: tuple[Lifeline, Lifeline]) -> None:
    mine, theirs = line
    theirs.send(b"hello")

    assert mine.receive_within(1.0) == b"hello"


def test_the_end_of_the_other_side_is_seen_after_its_last_words(line: tuple[Lifeline, Lifeline]) -> None:
    mine, theirs = line
    theirs.send(b"farewell")
    theirs.close()

    assert mine.receive() == ([b"farewell"], False)
    assert not mine.send(b"anybody there?")


def test_waiting_for_one_datagram_has_an_end(line: tuple[Lifeline, Lifeline]) -> None:
    mine, theirs = line
    assert mine.receive_within(0.01) is None
    theirs.close()
    assert mine.receive_within(5.0) is None


def test_a_full_line_keeps_what_is_sent_until_it_is_read(line: tuple[Lifeline, Lifeline]) -> None:
    mine, theirs = line
    sent = [f"{number}".encode().ljust(2_000) for number in range(1_000)]
    for datagram in sent:
        assert mine.send(datagram)
    came: list[bytes] = []
    while len(came) < len(sent):
        datagrams, there = theirs.receive()
        came += datagrams
        assert there
        assert mine.flush()

    assert came == sent


def test_what_would_come_in_part_only_is_not_sent(line: tuple[Lifeline, Lifeline]) -> None:
    mine, theirs = line
    with pytest.raises(ValueError, match="65,537 bytes is too long for a lifeline, which takes 65,536"):
        mine.send(b"x" * (MAX_DATAGRAM + 1))

    assert mine.send(b"y" * MAX_DATAGRAM)
    assert theirs.receive() == ([b"y" * MAX_DATAGRAM], True)
