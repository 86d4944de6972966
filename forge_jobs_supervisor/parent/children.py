"""Who exists: the parent's book of its children. Decides nothing and forks nobody."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from forge_jobs.clock import monotonic
from forge_jobs_supervisor.messages import Died, Message, decoded, encoded
from forge_jobs_supervisor.parent.orders import Order
from forge_jobs_supervisor.unix.lifeline import Lifeline

_log = logging.getLogger(__name__)


class Phase(Enum):
    """How far a child is in its life."""

    BOOTING = "booting"
    UP = "up"
    RETIRING = "retiring"  # told to leave; replaced when it has
    LEAVING = "leaving"  # told to leave; its place is not its own any more


@dataclass(eq=False)
class Child:
    """One living child. ``queue`` is empty and ``slot`` -1 for the coordinator.

    ``killed_for`` is the order of the claim for which it was killed, ``old`` one that runs the code before a reload.
    """

    pid: int
    lifeline: Lifeline
    queue: str = ""
    number: int = 0
    slot: int = -1
    phase: Phase = Phase.BOOTING
    boot_error: str | None = None
    born_at: float = field(default_factory=monotonic)
    told_since: int = -1
    killed_by_us: bool = False
    killed_for: Order | None = None
    old: bool = False

    def say(self, message: Message) -> None:
        """Send it a message."""
        self.lifeline.send(encoded(message))

    def hear(self) -> tuple[list[Message], bool]:
        """Return what it has said, and whether it is still there; what is no message is left aside."""
        messages = []
        datagrams, there = self.lifeline.receive()
        for datagram in datagrams:
            try:
                messages.append(decoded(datagram))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                told = "%s (pid %d) said something that is no message (%d bytes); it is left aside"
                _log.error(told, self.name, self.pid, len(datagram), extra=self.told("message.odd"))
        return messages, there

    @property
    def is_worker(self) -> bool:
        """Whether it is a worker."""
        return self.slot >= 0

    @property
    def name(self) -> str:
        """What it is called in the log."""
        return f"worker {self.queue} #{self.number}" if self.is_worker else "coordinator"

    def told(self, event: str) -> dict[str, object]:
        """Return the fields of a log line about it."""
        return {"event": event, "worker": self.name, "pid": self.pid}


@dataclass
class Children:
    """All living children, and the dead ones that are not settled yet, by slot."""

    slots: int
    _living: dict[int, Child] = field(default_factory=dict)
    unsettled: dict[int, Died] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self._living.values()))

    def add(self, child: Child) -> None:
        """Note a birth."""
        self._living[child.pid] = child

    def remove(self, pid: int) -> Child:
        """Note a death."""
        return self._living.pop(pid)

    @property
    def pids(self) -> list[int]:
        """The process numbers of all living children."""
        return list(self._living)

    @property
    def workers(self) -> list[Child]:
        """The living workers."""
        return [child for child in self._living.values() if child.is_worker]

    @property
    def coordinator(self) -> Child | None:
        """The living coordinator."""
        return next((child for child in self._living.values() if not child.is_worker), None)

    def by_fd(self, fd: int) -> Child | None:
        """Return the child at the other end of a lifeline."""
        return next((child for child in self._living.values() if child.lifeline.fileno() == fd), None)

    def free_slot(self) -> int | None:
        """Return a slot that nobody has; the slot of a dead worker is taken until it is settled."""
        taken = {child.slot for child in self._living.values()} | self.unsettled.keys()
        return next((slot for slot in range(self.slots) if slot not in taken), None)

    def present(self, queue: str) -> list[Child]:
        """Return the workers of a queue that have a place in it."""
        return [w for w in self.workers if w.queue == queue and w.phase is not Phase.LEAVING and not w.old]

    def missing(self, targets: Mapping[str, int]) -> list[tuple[str, int]]:
        """Return (queue, number) of every worker that should be there and is not, queue by queue in turn."""
        lacking = []
        for queue, target in targets.items():
            taken = {child.number for child in self.workers if child.queue == queue}
            free = (number for number in itertools.count(1) if number not in taken)
            lacking += [(place, queue, next(free)) for place in range(len(self.present(queue)), target)]
        return [(queue, number) for _place, queue, number in sorted(lacking, key=lambda item: item[0])]

    def settle(self, process_id: int) -> int | None:
        """Note that a dead worker's claims are settled; return its slot, which is free again."""
        for slot, died in self.unsettled.items():
            if died.process_id == process_id:
                del self.unsettled[slot]
                return slot
        return None
