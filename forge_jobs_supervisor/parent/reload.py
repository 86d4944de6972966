"""Reloading: the new code is tried beside the old; only if it comes up does it take the old one's place."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from forge_jobs.clock import monotonic
from forge_jobs_supervisor.messages import Token
from forge_jobs_supervisor.parent.children import Children
from forge_jobs_supervisor.parent.handover import Estate, estate_of
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Board, Head

_log = logging.getLogger(__name__)

REHEARSAL_SECONDS = 120.0


class Stage(Protocol):
    """Where the new code is started."""

    def rehearse(self) -> int:
        """Start the new code in a process of its own, up to where it would bear children; return its pid."""

    def reload(self, estate: Estate) -> None:
        """Become the new code. Returns only by raising OSError."""


class Rehearsal:
    """At most one try at a time. The farm goes on meanwhile."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._pid: int | None = None
        self._until = 0.0
        self._given_up = False

    def start(self) -> None:
        """Try the new code."""
        if self._pid is not None:
            _log.info("the new code is being tried already", extra={"event": "reload.started"})
            return
        try:
            self._pid = self._stage.rehearse()
        except OSError as error:
            told = "the new code could not be tried (%s): the old one goes on"
            _log.error(told, error, extra={"event": "reload.refused"})
            return
        self._until = monotonic() + REHEARSAL_SECONDS
        _log.info("reload: trying the new code (pid %d)", self._pid, extra={"event": "reload.started"})

    @property
    def pids(self) -> list[int]:
        """The process of the try, while there is one."""
        if self._pid is not None and monotonic() > self._until:
            processes.kill_group(self._pid)
        return [] if self._pid is None else [self._pid]

    def ended(self, ending: processes.Ending) -> bool:
        """Note that the try has ended; return whether it ended well."""
        self._pid = None
        if ending.exit_code != 0 and not self._given_up:
            told = "reload refused: the new code did not come up (%s); the old one goes on"
            _log.error(told, ending, extra={"event": "reload.refused"})
        return ending.exit_code == 0

    def give_up(self) -> None:
        """Let it be: the farm stops."""
        self._given_up = True
        if self._pid is not None:
            processes.kill_group(self._pid)


def give_way(stage: Stage, board: Board, queues: Sequence[str], children: Children) -> None:
    """Become the new code; come back only where that failed.

    Idle workers look for jobs by themselves meanwhile, until the new code has its coordinator.
    """
    _log.info("reload: the new code takes over", extra={"event": "reload.done"})
    board.set_head(Head.RELOADING, 1)
    for child in children.workers:
        child.say(Token())
    try:
        stage.reload(estate_of(board, queues, children))
    except OSError as error:
        _log.error("reload failed (%s): the old code goes on", error, extra={"event": "reload.refused"})
        board.set_head(Head.RELOADING, 0)
