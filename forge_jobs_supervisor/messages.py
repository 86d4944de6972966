"""Everything that is said between the parent and its children: a closed list.

Each travels as one JSON datagram on the private socket pair of that child.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The base of all messages."""


class Ready(Message):
    """A child → parent: it has booted."""


class BootFailed(Message):
    """A child → parent: it cannot boot, and why, in one sentence."""

    reason: str


class Token(Message):
    """Parent → worker: there is a job; claim."""


class Leave(Message):
    """Parent → coordinator: everybody else has gone; settle what is left, say Farewell, leave."""


class Died(Message):
    """Parent → coordinator: a worker is dead, and what its slot showed: its obituary. Answered by Settled."""

    process_id: int
    queue: str
    number: int
    pid: int
    running: bool
    started_no: int
    exit_code: int | None
    signal: str | None
    cpu_seconds: float
    peak_memory: int
    stopped_by_us: bool


class Settled(Message):
    """Coordinator → parent: what that worker held is settled; its slot may be used again."""

    process_id: int


class Wake(Message):
    """Coordinator → parent: so many jobs of the queue are ready."""

    queue: str
    jobs: int


class Drained(Message):
    """Coordinator → parent: nothing of the queues is ready, running or waiting for a retry."""


class Totals(Message):
    """Coordinator → parent: how the attempts of this host ended so far, and how many jobs are left."""

    done: int
    failed: int
    dead: int
    left: int


class Farewell(Message):
    """Coordinator → parent, last of all: how the attempts of this host ended."""

    done: int
    failed: int
    dead: int
    unserved: Sequence[str] = ()


class Manifest(Message):
    """Inspector → parent: what the application is (where it is not preloaded)."""

    url: str
    origin: str
    queues: Sequence[str]
    kinds: Sequence[str]


ANY = Ready | BootFailed | Token | Leave | Died | Settled | Wake | Drained | Totals | Farewell | Manifest

_decoder = msgspec.json.Decoder(ANY)


def encoded(message: Message) -> bytes:
    """Return a message as a datagram."""
    return msgspec.json.encode(message)


def decoded(datagram: bytes) -> Message:
    """Return a datagram as a message; raise msgspec.DecodeError for anything else."""
    return _decoder.decode(datagram)
