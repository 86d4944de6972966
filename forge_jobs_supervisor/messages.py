"""Everything that is said between the parent and its children: a closed list.

Each travels as one JSON datagram on the private socket pair of that child.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Message(msgspec.Struct, frozen=True, tag=True):
    """The base of all messages."""


class Ready(Message, frozen=True, kw_only=True):
    """A child → parent: it has booted."""


class BootFailed(Message, frozen=True, kw_only=True):
    """A child → parent: it cannot boot, and why, in one sentence."""

    reason: str
    usage: bool = False


class Token(Message, frozen=True, kw_only=True):
    """Parent → worker: there is a job; claim."""


class Leave(Message, frozen=True, kw_only=True):
    """Parent → coordinator: everybody else has gone; settle what is left, say Farewell, leave."""


class Died(Message, frozen=True, kw_only=True):
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
    stopped_by_us: bool = False
    with_supervisor: bool = False


class Settled(Message, frozen=True, kw_only=True):
    """Coordinator → parent: what that worker held is settled; its slot may be used again."""

    process_id: int


class Wake(Message, frozen=True, kw_only=True):
    """Coordinator → parent: so many jobs of the queue are ready."""

    queue: str
    jobs: int


class Drained(Message, frozen=True, kw_only=True):
    """Coordinator → parent: nothing of the queues is ready, running or waiting for a retry."""


class Totals(Message, frozen=True, kw_only=True):
    """Coordinator → parent: how the attempts of this host ended so far, and how many jobs are left."""

    done: int
    failed: int
    dead: int
    left: int


class Farewell(Message, frozen=True, kw_only=True):
    """Coordinator → parent, last of all: how the attempts of this host ended."""

    done: int
    failed: int
    dead: int
    unserved: Sequence[str] = ()


class Manifest(Message, frozen=True, kw_only=True):
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
    message: Message = _decoder.decode(datagram)
    return message
