"""Births: each child gets a lifeline, a worker a slot of the board as well, and then it is forked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from forge_jobs.clock import monotonic_us
from forge_jobs.ids import new_process_id
from forge_jobs_supervisor.parent.children import Child, Children
from forge_jobs_supervisor.parent.reload import Stage
from forge_jobs_supervisor.parent.scaling import first_allowance
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Board, Head, State, Word
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.wakeup import Wakeup


class Birth(NamedTuple):
    """Who a new worker is. ``max_jobs``: it leaves after so many; None: it stays."""

    queue: str
    number: int
    process_id: int
    slot: int
    max_jobs: int | None = None


class Crew(Stage, Protocol):
    """What the children do; each runs in the child, and returns its exit code."""

    def work(self, birth: Birth, board: Board, lifeline: Lifeline) -> int:
        """Be a worker."""

    def coordinate(self, board: Board, queues: Sequence[str], lifeline: Lifeline, *, first: bool) -> int:
        """Be the coordinator; ``queues`` is the list that the board's slots refer to by position.

        ``first``: none has come up before it with this code.
        """

    def leave_parent(self) -> None:
        """In every child: close what belongs to the parent."""

    def check_before_fork(self) -> None:
        """Raise UsageError where forking is not safe."""


class Nursery:
    """Bears children for the supervisor and enters them in its book."""

    def __init__(
        self,
        crew: Crew,
        queues: Sequence[str],
        board: Board,
        children: Children,
        wakeup: Wakeup,
        niceness: int,
        max_jobs: int | None = None,
    ) -> None:
        self._crew = crew
        self._queues = queues
        self._board = board
        self._children = children
        self._wakeup = wakeup
        self._niceness = niceness
        self._max_jobs = max_jobs
        self._born: set[tuple[str, int]] = set()
        self.coordinated = False
        """Whether a coordinator has come up."""

    def bear_coordinator(self) -> None:
        """Fork the coordinator, and tell it of the dead that are not settled yet."""
        self._board.set_head(Head.COORDINATOR_BEAT, monotonic_us())
        mine, theirs = Lifeline.pair()
        child = Child(pid=0, lifeline=mine)
        first = not self.coordinated
        self._fork(child, theirs, lambda: self._crew.coordinate(self._board, self._queues, theirs, first=first))
        for died in self._children.unsettled.values():
            child.say(died)

    def bear_worker(self, queue: str, number: int, index: int, of: int) -> None:
        """Fill a slot of the board, then fork its worker, one of ``of`` of its queue."""
        mine, theirs = Lifeline.pair()
        process_id = new_process_id()
        slot = self._board.slot(index)
        slot.clear()
        slot.set(Word.QUEUE, self._queues.index(queue))
        slot.set(Word.NUMBER, number)
        slot.set(Word.SINCE, monotonic_us())
        slot.set(Word.PROCESS_ID, process_id)
        slot.set(Word.STATE, State.BOOTING)
        child = Child(pid=0, lifeline=mine, queue=queue, number=number, slot=index)
        birth = Birth(queue, number, process_id, index, self._allowance(queue, number, of))
        try:
            self._fork(child, theirs, lambda: self._crew.work(birth, self._board, theirs))
        except BaseException:
            slot.clear()
            raise
        slot.set(Word.PID, child.pid)

    def _allowance(self, queue: str, number: int, of: int) -> int | None:
        first = (queue, number) not in self._born
        self._born.add((queue, number))
        return first_allowance(self._max_jobs, min(number, of), of) if first else self._max_jobs

    def _fork(self, child: Child, theirs: Lifeline, life: Callable[[], int]) -> None:
        def close() -> None:
            self._wakeup.abandon()
            child.lifeline.close()
            for sibling in self._children:
                sibling.lifeline.close()
            self._crew.leave_parent()

        worker = child.is_worker
        niceness = self._niceness if worker else 0
        try:
            self._crew.check_before_fork()
            child.pid = processes.fork(life, close=close, dies_with_parent=worker, niceness=niceness)
        except BaseException:
            child.lifeline.close()
            raise
        finally:
            theirs.close()
        self._children.add(child)
        self._wakeup.watch(child.lifeline.fileno())
