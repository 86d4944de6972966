"""Time and memory limits of running jobs, read off the board and /proc."""

from __future__ import annotations

from typing import NamedTuple

from forge_jobs.model.stops import StopReason, ran_too_long, used_too_much
from forge_jobs_supervisor.parent.awake import AwakeClock
from forge_jobs_supervisor.unix.board import Board, State, Word
from forge_jobs_supervisor.unix.usage import private_memory

LOOK = 0.05
"""Seconds between looks at a job with a limit,"""

SOONEST = 0.005
"""and at one whose memory grows so fast that it would pass its limit before."""

HOPELESS = 1.1
"""So many times its memory limit a job may use while it cleans up; above it is killed without more grace."""


class Sight(NamedTuple):
    """What a look at one slot with limits showed: when to look again, and which limit is passed, if one is."""

    process_id: int
    claim_no: int
    wait: float
    reason: StopReason | None = None
    told: str = ""
    hopeless: bool = False


class _Sample(NamedTuple):
    process_id: int
    claim_no: int
    deadline: float
    at: float
    used: int


class LimitWatch:
    """Looks at slots; remembers the last look at each, for a deadline's pauses and for how fast memory grows."""

    def __init__(self, board: Board, clock: AwakeClock) -> None:
        self._board = board
        self._clock = clock
        self._last: dict[int, _Sample] = {}

    def look(self, pid: int, index: int) -> Sight | None:
        """Return what the job in a slot has passed; None where no job with a limit runs."""
        slot = self._board.slot(index)
        claim_no, running = slot.get(Word.STARTED_NO), slot.state is State.RUNNING
        deadline, limit = slot.get(Word.DEADLINE), slot.get(Word.MEMORY_LIMIT)
        before, started_at = slot.get(Word.MEMORY_BEFORE), slot.get(Word.STARTED_AT)
        if not running or not (deadline or limit):
            return None
        try:
            used = private_memory(pid) - before if limit else 0
        except (OSError, IndexError, ValueError):
            return None  # it is gone
        if slot.get(Word.STARTED_NO) != claim_no or not (slot.get(Word.DEADLINE) or slot.get(Word.MEMORY_LIMIT)):
            return None  # what was read belongs to two jobs
        process_id, now = slot.get(Word.PROCESS_ID), self._clock.now()
        last = self._last.get(index)
        if last is None or (last.process_id, last.claim_no) != (process_id, claim_no):
            last = _Sample(process_id, claim_no, self._clock.at(deadline / 1e6) if deadline else 0.0, now, 0)
        self._last[index] = last._replace(at=now, used=used)
        if limit and used > limit:
            slot.set(Word.MEMORY_SEEN, used)
            told = used_too_much(used, limit)
            return Sight(process_id, claim_no, LOOK, StopReason.MEMORY, told, used > HOPELESS * limit)
        if deadline and now >= last.deadline:
            told = ran_too_long((deadline - started_at) / 1e6)
            return Sight(process_id, claim_no, LOOK, StopReason.TIMEOUT, told)
        waits = [LOOK]
        if deadline:
            waits.append(max(last.deadline - now, SOONEST))
        if limit and used > last.used and now > last.at:
            waits.append(max((limit - used) / (used - last.used) * (now - last.at) / 2, SOONEST))
        return Sight(process_id, claim_no, min(waits))
