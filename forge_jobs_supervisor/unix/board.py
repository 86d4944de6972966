"""The board: one shared memory file in which every child shows what it does.

A header, then one slot a child, all of 64-bit aligned words, each written by one process only: the worker writes its
state, the parent the mailbox and, before a birth and after a burial, the whole slot. A word is stored by one machine
instruction, so a reader sees the old value or the new one. The board is a view, never the truth: that is the
database.
"""

from __future__ import annotations

import mmap
import os
from enum import IntEnum
from uuid import UUID

MAGIC = 0x464A_424F_4152_4431
VERSION = 2
_WORD = 8
_HEADER_WORDS = 16
_SLOT_WORDS = 48
_TEXT_WORDS = 8
_TEXT_BYTES = _TEXT_WORDS * _WORD


class State(IntEnum):
    """What a child does."""

    FREE = 0
    BOOTING = 1
    IDLE = 2
    RUNNING = 3
    EXCHANGE = 4
    LEAVING = 5
    DEAD = 6  # written by the parent: waits for its burial


_RESTING = (State.IDLE.value, State.FREE.value)


class Head:
    """The words of the header."""

    MAGIC = 0
    VERSION = 1
    SLOTS = 2
    NO_CLAIMS = 3  # written by the parent: nobody claims from now on
    COORDINATOR_BEAT = 4  # written by the coordinator: monotonic microseconds
    WATCHING = 5  # written by the parent: it looks at limits often, nobody need call it
    RELOADING = 6  # written by the parent: it passes no tokens for a while, so the idle look by themselves


class Word:
    """The words of a slot."""

    PROCESS_ID = 0
    PID = 1
    QUEUE = 2  # index into the supervisor's list of queues
    NUMBER = 3  # of the worker in its queue, from 1
    STATE = 4
    SINCE = 5  # of the last change below: monotonic microseconds
    HELD_TO = 6  # the highest claim number taken
    STARTED_NO = 7  # the claim that runs, or ran last
    RECORDED_NO = 8  # every claim up to this one is recorded in the database
    STARTED_AT = 9  # of the job: monotonic microseconds
    JOBS_DONE = 10
    PROGRESS_DONE = 11
    PROGRESS_TOTAL = 12
    JOB_ID = 13  # two words
    EXCHANGING = 15  # since when it waits for the database: monotonic microseconds; 0: it does not
    STOP_CLAIM = 16  # the mailbox, written by the parent: the claim to stop,
    STOP_REASON = 17  # why,
    NO_START = 18  # that nothing may be started any more,
    MAIL = 19  # and how many messages must have been read before the next start
    GRACE = 20  # what the running job may take to stop: microseconds
    DEADLINE = 21  # of the running job: monotonic microseconds; 0: none
    MEMORY_LIMIT = 22  # of the running job: bytes more than MEMORY_BEFORE; 0: none
    MEMORY_BEFORE = 23
    KIND = 24  # text
    NOTE = 32  # text
    CPU_BEFORE = 40  # CPU time of the process when the job started: microseconds
    SHIELD_UNTIL = 41  # until when the running job asked not to be killed: monotonic microseconds
    MEMORY_SEEN = 42  # written by the parent: what the job used when it was stopped for it
    STACK_FD = 43  # the descriptor that takes the worker's stack, plus one; 0: none
    LEAVE = 44  # written by the parent: finish and leave; the signal may have met a handler that ignores it


STOOD_STILL = 200_000
"""Microseconds between two signs of life after which a worker starts nothing that it held before."""

OVERDUE = 240_000
"""Microseconds without a sign of life after which the coordinator gives back what a worker holds: 2 x hold + 200 ms.

It must be longer than ``STOOD_STILL``. The coordinator looks at its clock first and at the board after; the worker
writes to the board first and looks at its clock after. So if the coordinator saw the old sign of life, the worker sees
that it is too old: no claim is given back and started all the same.
"""

FORGOTTEN = 5_000_000
"""Microseconds after which a claim that its living worker does not show on the board is given back."""

FORGETTABLE = 2_500_000
"""Microseconds between claiming and showing the claims on the board after which they must not be started."""

NONE = -1
"""Stands for "not given" in a progress word."""


class Board:
    """The shared memory and its slots."""

    def __init__(self, fd: int, slots: int) -> None:
        self.fd = fd
        self._memory = mmap.mmap(fd, _bytes_for(slots))
        self._words = memoryview(self._memory).cast("q")
        self._slot_words = [
            self._words[first : first + _SLOT_WORDS]
            for first in range(_HEADER_WORDS, _HEADER_WORDS + slots * _SLOT_WORDS, _SLOT_WORDS)
        ]
        self.slots = slots

    @classmethod
    def create(cls, slots: int) -> Board:
        """Make a board; its descriptor stays open, so that it can be handed over."""
        board = cls.adopt(os.memfd_create("forge-jobs-board", os.MFD_CLOEXEC), slots)
        board._words[Head.MAGIC] = MAGIC
        board._words[Head.VERSION] = VERSION
        return board

    @classmethod
    def adopt(cls, fd: int, slots: int) -> Board:
        """Take over a board, with more slots than it had if need be: who has it mapped sees those it knew."""
        if os.fstat(fd).st_size < _bytes_for(slots):
            os.ftruncate(fd, _bytes_for(slots))
        board = cls(fd, slots)
        board._words[Head.SLOTS] = slots
        return board

    def head(self, word: int) -> int:
        """Return a word of the header."""
        return self._words[word]

    def set_head(self, word: int, value: int) -> None:
        """Write a word of the header."""
        self._words[word] = value

    def slot_words(self, number: int) -> memoryview:
        """Return one slot's words."""
        return self._slot_words[number]

    def slot(self, number: int) -> Slot:
        """Return one slot."""
        return Slot(number, self._slot_words[number])

    def all_idle(self) -> bool:
        """Return whether no worker has anything to do or to hand in."""
        return all(words[Word.STATE] in _RESTING for words in self._slot_words)


class Slot:
    """One child's words. ``words`` is for the worker's hot path."""

    def __init__(self, index: int, words: memoryview) -> None:
        self.index = index
        self.words = words
        self._bytes = words.cast("B")

    def clear(self) -> None:
        """Empty the slot."""
        self._bytes[:] = bytes(len(self._bytes))

    def get(self, word: int) -> int:
        """Return one word."""
        return int(self.words[word])

    def set(self, word: int, value: int) -> None:
        """Write one word."""
        self.words[word] = value

    @property
    def state(self) -> State:
        """What the child does."""
        return State(self.words[Word.STATE])

    def set_text(self, word: int, text: str) -> None:
        """Write a text, cut at 63 bytes."""
        first = word * _WORD
        raw = text.encode("utf-8", "replace")[: _TEXT_BYTES - 1]
        self._bytes[first : first + _TEXT_BYTES] = raw.ljust(_TEXT_BYTES, b"\0")

    def text(self, word: int) -> str:
        """Return a text."""
        first = word * _WORD
        return bytes(self._bytes[first : first + _TEXT_BYTES]).rstrip(b"\0").decode("utf-8", "ignore")

    def set_job_id(self, job_id: str) -> None:
        """Write the id of the job that runs."""
        first = Word.JOB_ID * _WORD
        self._bytes[first : first + 16] = bytes.fromhex(job_id.replace("-", ""))

    def job_id(self) -> str:
        """Return the id of the job that runs, or ran last."""
        first = Word.JOB_ID * _WORD
        return str(UUID(bytes=bytes(self._bytes[first : first + 16])))


def _bytes_for(slots: int) -> int:
    return (_HEADER_WORDS + slots * _SLOT_WORDS) * _WORD
