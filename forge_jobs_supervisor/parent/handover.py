"""What one supervisor hands over to the program that takes its place: the board, the children, the dead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from forge_jobs_supervisor.messages import Died
from forge_jobs_supervisor.parent.children import Child, Children, Phase
from forge_jobs_supervisor.unix.board import Board
from forge_jobs_supervisor.unix.lifeline import Lifeline


class Heir(msgspec.Struct, frozen=True, kw_only=True):
    """One living child. ``slot`` is -1 for the coordinator; ``lifeline`` is a descriptor."""

    pid: int
    lifeline: int
    queue: str
    number: int
    slot: int
    phase: str
    born_at: float


class Estate(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. ``queues`` is the list that the board's slots refer to by position."""

    board: int
    slots: int
    queues: Sequence[str]
    heirs: Sequence[Heir]
    unsettled: Mapping[int, Died]

    def descriptors(self) -> list[int]:
        """Return the descriptors that must stay open."""
        return [self.board, *(heir.lifeline for heir in self.heirs)]


def estate_of(board: Board, queues: Sequence[str], children: Children) -> Estate:
    """Return what is to be handed over."""
    return Estate(
        board=board.fd,
        slots=board.slots,
        queues=queues,
        heirs=[
            Heir(
                pid=child.pid, lifeline=child.lifeline.fileno(), queue=child.queue, number=child.number,
                slot=child.slot, phase=child.phase.value, born_at=child.born_at,
            )
            for child in children
        ],
        unsettled=dict(children.unsettled),
    )  # fmt: skip


def book_of(estate: Estate | None, slots: int) -> tuple[Board, Children]:
    """Return the board and the book of children of a new supervisor; of an heir to ``estate``, if there is one."""
    if estate is None:
        return Board.create(slots), Children(slots)
    slots = max(estate.slots, slots + len(estate.heirs) + len(estate.unsettled))
    children = Children(slots)
    for heir in estate.heirs:
        children.add(
            Child(
                pid=heir.pid, lifeline=Lifeline.adopt(heir.lifeline), queue=heir.queue, number=heir.number,
                slot=heir.slot, phase=Phase(heir.phase), born_at=heir.born_at, old=True,
            )
        )  # fmt: skip
    children.unsettled.update(estate.unsettled)
    return Board.adopt(estate.board, slots), children


def slots_for(targets: Mapping[str, int]) -> int:
    """Return how many slots a farm needs: twice its workers, for those that come while others leave, and some more."""
    return 2 * sum(targets.values()) + 8
