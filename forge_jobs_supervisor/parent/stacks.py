"""Asking workers for their stacks; SIGUSR2 to the supervisor logs them all."""

from __future__ import annotations

import logging
from collections.abc import Collection

from forge_jobs.clock import monotonic
from forge_jobs_supervisor.parent.children import Child, Children
from forge_jobs_supervisor.unix import processes, stacks
from forge_jobs_supervisor.unix.board import Board, Word

_log = logging.getLogger(__name__)

WRITTEN = 0.2
"""Seconds after which a stack is taken for written: it takes some microseconds once the process runs at all."""


class Stacks:
    """Only the parent signals workers, so it asks for others too."""

    def __init__(self, board: Board, children: Children) -> None:
        self._board = board
        self._children = children
        self._log_at: float | None = None

    def ask(self, process_ids: Collection[int]) -> None:
        """Let these workers write down their stacks; whoever wants them reads them."""
        for child, _fd in self._writers():
            if self._board.slot(child.slot).get(Word.PROCESS_ID) in process_ids:
                processes.ask_for_stack(child.pid)

    def log_all(self) -> None:
        """Let every worker write down its stack, and log them a moment later."""
        for child, fd in self._writers():
            stacks.clear(child.pid, fd)
            processes.ask_for_stack(child.pid)
        self._log_at = monotonic() + WRITTEN

    def look(self) -> float | None:
        """Log what was asked for once it is written; return the seconds until then, None: nothing was asked for."""
        if self._log_at is None:
            return None
        if monotonic() < self._log_at:
            return self._log_at - monotonic()
        self._log_at = None
        for child, fd in self._writers():
            _log.info("%s (pid %d):\n%s", child.name, child.pid, stacks.read(child.pid, fd) or "no stack was written")
        return None

    def _writers(self) -> list[tuple[Child, int]]:
        """Return the workers that have a place for their stack: all that have booted."""
        found = ((child, self._board.slot(child.slot).get(Word.STACK_FD) - 1) for child in self._children.workers)
        return [(child, fd) for child, fd in found if fd >= 0]
