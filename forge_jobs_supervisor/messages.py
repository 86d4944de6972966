"""Everything that is said between the parent and its children: a closed list.

Each travels as one JSON datagram on the private socket pair of that child.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from forge_jobs.model.declared import Declared
from forge_jobs.showing import printable

MAX_REASON = 8_000
"""Characters of an error: it must fit a datagram, whatever an application's own has in its text."""


class Message(msgspec.Struct, frozen=True, tag=True):
    """The base of all messages."""


class Ready(Message, frozen=True, kw_only=True):
    """A child → parent: it has booted."""


class BootFailed(Message, frozen=True, kw_only=True):
    """A child → parent: it cannot boot, and why, in one sentence."""

    reason: str
    usage: bool = False

    @classmethod
    def of(cls, error: Exception, *, usage: bool = False) -> BootFailed:
        """Return what is said of an error."""
        told = printable(str(error))
        return cls(reason=told if len(told) <= MAX_REASON else f"{told[:MAX_REASON]} …", usage=usage)


class Token(Message, frozen=True, kw_only=True):
    """Parent → worker: there is a job; claim."""


class Watch(Message, frozen=True, kw_only=True):
    """Worker → parent: a job with a limit has started, and nobody looks at limits just now."""


class Drop(Message, frozen=True, kw_only=True):
    """Parent → worker: do not start this claim, it was cancelled. Announced by the slot's count of messages."""

    claim_no: int


class Stop(Message, frozen=True, kw_only=True):
    """Coordinator → parent: these claims, as (process id, claim number), are to be stopped: somebody cancelled them."""

    claims: Sequence[tuple[int, int]]


class Targets(Message, frozen=True, kw_only=True):
    """Coordinator → parent: at most how many workers this host may have for each queue; None: as many as it likes."""

    caps: Mapping[str, int | None]


class Dump(Message, frozen=True, kw_only=True):
    """Coordinator → parent: let these workers write down their stacks."""

    process_ids: Sequence[int]


class Leave(Message, frozen=True, kw_only=True):
    """Parent → coordinator: everybody else has gone; settle what is left, say Farewell, leave."""


class Died(Message, frozen=True, kw_only=True):
    """Parent → coordinator: a worker is dead, and what its slot showed: its obituary. Answered by Settled.

    ``stopped_claim`` is the claim for which the parent killed it, if it did, ``stop_reason`` why, ``stopped_for`` the
    same in words. ``killed_by_us``: what it ran does not count, save that claim.
    """

    process_id: int
    queue: str
    number: int
    pid: int
    running: bool
    started_no: int
    exit_code: int | None
    signal: str | None
    wall_time: int = 0
    cpu_time: int = 0
    peak_memory: int = 0
    cpu_before: int = 0
    stopped_claim: int = 0
    stop_reason: int = 0
    stopped_for: str = ""
    killed_by_us: bool = False
    out_of_memory: bool = False
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
    """Inspector → parent: what the application is (where it is not preloaded).

    ``heard`` are the events of the shipped kinds that it listens for.
    """

    url: str
    origin: str
    queues: Sequence[str]
    kinds: Sequence[str]
    heard: Mapping[str, tuple[str, ...]]
    declared: Declared


ANY = (
    Ready | BootFailed | Watch | Token | Drop | Leave | Died | Settled
    | Wake | Stop | Targets | Dump | Drained | Totals | Farewell | Manifest
)  # fmt: skip

_decoder = msgspec.json.Decoder(ANY)


def encoded(message: Message) -> bytes:
    """Return a message as a datagram."""
    return msgspec.json.encode(message)


def decoded(datagram: bytes) -> Message:
    """Return a datagram as a message; raise msgspec.DecodeError for anything else."""
    message: Message = _decoder.decode(datagram)
    return message
