"""Children that do not move on: a worker in its exchange or at its end, a coordinator."""

from __future__ import annotations

import logging

from forge_jobs.clock import monotonic_us
from forge_jobs_supervisor.parent.children import Children
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Board, Head, State, Word

_log = logging.getLogger(__name__)

STUCK_EXCHANGE = 5.0
"""Seconds a worker may be in one exchange: it would hold up every other writer. It is killed and rolls back."""

STUCK_COORDINATOR = 30.0
STUCK_LEAVING = 15.0
"""Seconds a worker that has handed everything in may take to end: a thread of a handler may hold it up."""


def kill_stuck(board: Board, children: Children) -> None:
    """Kill children that are stuck."""
    coordinator = children.coordinator
    beat = (monotonic_us() - board.head(Head.COORDINATOR_BEAT)) / 1e6
    if coordinator is not None and beat > STUCK_COORDINATOR:
        told = "the coordinator has not moved for %.0f s and is killed"
        _log.error(told, beat, extra=coordinator.told("coordinator.killed"))
        processes.kill_group(coordinator.pid)
    for child in children.workers:
        slot = board.slot(child.slot)
        since = slot.get(Word.EXCHANGING)
        stuck = (monotonic_us() - since) / 1e6
        if since and stuck > STUCK_EXCHANGE:
            told = "%s has been in one exchange for %.0f s and is killed"
            _log.error(told, child.name, stuck, extra=child.told("worker.killed"))
            processes.kill_group(child.pid)
        elif slot.state is State.LEAVING and (monotonic_us() - slot.get(Word.SINCE)) / 1e6 > STUCK_LEAVING:
            told = "%s does not end and is killed; all it did is recorded"
            _log.warning(told, child.name, extra=child.told("worker.killed"))
            processes.kill_group(child.pid)
