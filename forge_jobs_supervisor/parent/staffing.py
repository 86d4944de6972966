"""How many workers each queue has: what was asked for, the operator's caps, and who leaves for a new one."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence

from forge_jobs.clock import monotonic, monotonic_us
from forge_jobs_supervisor.parent.children import Child, Children, Phase
from forge_jobs_supervisor.parent.scaling import UNWORN, Standing, Wear, surplus, worn
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Board, State, Word
from forge_jobs_supervisor.unix.usage import private_memory

_log = logging.getLogger(__name__)


class Staffing:
    """Keeps each queue at its number of workers. Starts nobody: ``missing`` says who should be."""

    def __init__(self, targets: Mapping[str, int], board: Board, children: Children, wear: Wear) -> None:
        self._asked = dict(targets)
        self._caps: Mapping[str, int | None] = {}
        self._board = board
        self._children = children
        self._wear = wear

    def targets(self) -> dict[str, int]:
        """Return how many workers each queue is to have."""
        caps = {queue: self._caps.get(queue) for queue in self._asked}
        return {q: n if caps[q] is None else min(n, caps[q] or 0) for q, n in self._asked.items()}

    def missing(self) -> list[tuple[str, int]]:
        """Return (queue, number) of every worker that should be there and is not."""
        return self._children.missing(self.targets())

    def cap(self, caps: Mapping[str, int | None]) -> None:
        """Take the operator's caps, and let those leave who are too many."""
        self._caps = caps
        for queue, target in self.targets().items():
            workers = self._children.present(queue)
            if len(workers) > target:
                told = "queue %s: %d of %d workers leave"
                _log.info(told, queue, len(workers) - target, len(workers), extra={"event": "queue.capped"})
            self._dismiss(workers, target)

    def _dismiss(self, workers: Sequence[Child], target: int) -> None:
        """Let those leave who are more than ``target``."""
        leaving = surplus([self._standing(child) for child in workers], target)
        for child in workers:
            if child.pid in leaving:
                self._part_with(child, Phase.LEAVING)

    def _part_with(self, child: Child, phase: Phase) -> None:
        """Let one worker finish and leave."""
        child.phase = phase
        self._board.slot(child.slot).set(Word.LEAVE, 1)
        processes.ask_to_leave(child.pid)

    def complete(self) -> bool:
        """Return whether every queue has its workers, and all of them are up."""
        return not self.missing() and all(c.phase is not Phase.BOOTING for c in self._children.workers)

    def relieve(self) -> None:
        """Let workers of the code before a reload leave, one for each new one that is up."""
        for queue in {child.queue for child in self._children.workers if child.old}:
            up = sum(child.phase is Phase.UP for child in self._children.present(queue))
            old = [c for c in self._children.workers if c.old and c.queue == queue and c.phase is not Phase.LEAVING]
            self._dismiss(old, max(self.targets().get(queue, 0) - up, 0))

    def renew(self) -> None:
        """Let one worker of each queue leave whose age or memory is above its limit; it finishes its job first."""
        if self._wear == UNWORN:
            return
        for queue in self._asked:
            workers = self._children.present(queue)
            pid = worn([self._standing(child, weigh=True) for child in workers], self._wear)
            for child in workers:
                if child.pid == pid:
                    told = "%s (pid %d) leaves for a new one"
                    _log.info(told, child.name, child.pid, extra=child.told("worker.retiring"))
                    self._part_with(child, Phase.RETIRING)

    def _standing(self, child: Child, *, weigh: bool = False) -> Standing:
        slot = self._board.slot(child.slot)
        memory = 0
        if weigh and self._wear.memory is not None:
            with contextlib.suppress(OSError, IndexError, ValueError):
                memory = private_memory(child.pid)
        return Standing(
            pid=child.pid,
            idle=slot.state is State.IDLE,
            since=(monotonic_us() if slot.state is State.BOOTING else slot.get(Word.SINCE)) / 1e6,
            age=monotonic() - child.born_at,
            memory=memory,
            retiring=child.phase is Phase.RETIRING,
        )
