"""Waking workers: as many idle ones as there are jobs."""

from __future__ import annotations

from collections.abc import Iterable

from forge_jobs_supervisor.messages import Token
from forge_jobs_supervisor.parent.children import Child
from forge_jobs_supervisor.unix.board import Board, State, Word


def pass_tokens(board: Board, workers: Iterable[Child], queue: str, jobs: int) -> None:
    """Wake idle workers of a queue; one that was told since it fell idle is told already."""
    for child in workers:
        if jobs <= 0:
            return
        slot = board.slot(child.slot)
        since = slot.get(Word.SINCE)
        if child.queue == queue and slot.state is State.IDLE and child.told_since != since:
            child.told_since = since
            child.say(Token())
            jobs -= 1
