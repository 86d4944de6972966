"""A worker's place on the board: everything it publishes, in the order that the fence relies on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from forge_jobs.clock import monotonic_us
from forge_jobs.model.stops import StopReason
from forge_jobs.storage.claims import Claim
from forge_jobs_supervisor.unix.board import NONE, STOOD_STILL, Board, Head, Slot, State, Word
from forge_jobs_supervisor.unix.usage import private_memory

COORDINATOR_ABSENT = 30_000_000
"""Microseconds without a sign of the coordinator after which a worker claims nothing."""

_MOST = 2**63 - 1


class Limits(NamedTuple):
    """What one job may take: microseconds and bytes; 0 stands for no limit."""

    time: int = 0
    memory: int = 0
    grace: int = 0


NO_LIMITS = Limits()


class Seat:
    """The worker's side of its slot. Times are monotonic microseconds."""

    def __init__(self, board: Board, slot: Slot) -> None:
        self._board = board
        self._slot = slot
        self._words = slot.words
        self._limits = NO_LIMITS
        self._kind = ""

    def announce(self, process_id: int, pid: int) -> None:
        """Publish under which process id this worker is registered."""
        self._words[Word.PROCESS_ID] = process_id
        self._words[Word.PID] = pid

    def enter(self, state: State) -> bool:
        """Publish what the worker does from now on; True if it stood still: see ``OVERDUE``."""
        still = self._sign_of_life()
        self._words[Word.STATE] = state
        return still > STOOD_STILL

    def asks_database(self) -> None:
        """Publish that a call to the database begins: if it takes too long the parent kills the worker."""
        self._words[Word.EXCHANGING] = monotonic_us()

    def has_answer(self) -> None:
        """Publish that the call is over."""
        self._words[Word.EXCHANGING] = 0

    def took(self, held: Sequence[int]) -> int:
        """Publish the end of an exchange: all that was started is recorded, claims of these numbers are held.

        The time goes first: who reads that claims are held, and the time after, never takes them for old. Returns
        for how many microseconds the worker had given no sign of life: after ``STOOD_STILL`` nothing that it held
        before the exchange may be started, after ``FORGETTABLE`` nothing at all.
        """
        words = self._words
        words[Word.RECORDED_NO] = words[Word.STARTED_NO]
        still = self._sign_of_life()
        words[Word.HELD_TO] = held[-1] if held else words[Word.STARTED_NO]
        return still

    def start(self, claim: Claim, limits: Limits = NO_LIMITS) -> int | None:
        """Publish that a claim starts and return the time; None if it must not be started: see ``OVERDUE``."""
        words = self._words
        before = words[Word.SINCE]
        words[Word.GRACE] = limits.grace  # the last job's are over: who reads a claim's number finds its own limits
        words[Word.SHIELD_UNTIL] = 0
        words[Word.STARTED_NO] = claim.claim_no
        words[Word.STATE] = State.RUNNING
        now = monotonic_us()
        if now - before > STOOD_STILL or words[Word.NO_START]:
            return None
        words[Word.STARTED_AT] = now
        words[Word.SINCE] = now
        words[Word.PROGRESS_DONE] = NONE
        words[Word.PROGRESS_TOTAL] = NONE
        self._slot.set_job_id(claim.id)
        if claim.kind != self._kind:
            self._slot.set_text(Word.KIND, claim.kind)
            self._kind = claim.kind
        self._limits = limits
        if limits.time:
            words[Word.DEADLINE] = min(now + limits.time, _MOST)
        if limits.memory:
            words[Word.MEMORY_BEFORE] = private_memory()
            words[Word.MEMORY_LIMIT] = limits.memory
        return now

    def began(self, cpu_time: int) -> None:
        """Publish how much CPU time this process has used before the job, for its obituary."""
        self._words[Word.CPU_BEFORE] = cpu_time

    def ended(self) -> None:
        """Take the ended job's limits off the board, before another one starts."""
        if self._limits.time or self._limits.memory:
            self._words[Word.DEADLINE] = 0
            self._words[Word.MEMORY_LIMIT] = 0

    @property
    def is_watched(self) -> bool:
        """Whether the parent looks at limits often."""
        return bool(self._board.head(Head.WATCHING))

    @property
    def closed(self) -> bool:
        """Whether nothing may be started any more."""
        return bool(self._words[Word.NO_START])

    @property
    def mail(self) -> int:
        """How many messages must have been read before the next start."""
        count: int = self._words[Word.MAIL]
        return count

    @property
    def stop_requested(self) -> StopReason | None:
        """Why the running job is to stop."""
        claim_no = self._words[Word.STOP_CLAIM]
        if not claim_no or claim_no != self._words[Word.STARTED_NO]:
            return None
        return StopReason(self._words[Word.STOP_REASON])

    @property
    def time_limit(self) -> float:
        """The running job's, in seconds."""
        return self._limits.time / 1e6

    @property
    def memory(self) -> tuple[int, int]:
        """The running job's memory limit, and what it used when it was stopped for it: bytes."""
        return self._limits.memory, self._words[Word.MEMORY_SEEN]

    def shield(self, seconds: float) -> None:
        """Ask not to be killed for so long."""
        until = monotonic_us() + round(seconds * 1e6)
        self._words[Word.SHIELD_UNTIL] = max(self._words[Word.SHIELD_UNTIL], until)

    def unshield(self) -> None:
        """Take that back."""
        self._words[Word.SHIELD_UNTIL] = 0

    def takes_stack(self, fd: int) -> None:
        """Publish which descriptor takes this worker's stack."""
        self._words[Word.STACK_FD] = fd + 1

    def _sign_of_life(self) -> int:
        before: int = self._words[Word.SINCE]
        self._words[Word.SINCE] = monotonic_us()
        return monotonic_us() - before

    def progress(self, done: int, total: int | None, note: str | None) -> None:
        """Publish how far the job is."""
        self._words[Word.PROGRESS_DONE] = min(max(done, 0), _MOST)
        self._words[Word.PROGRESS_TOTAL] = NONE if total is None else min(max(total, 0), _MOST)
        self._slot.set_text(Word.NOTE, note or "")

    def count(self, jobs: int) -> None:
        """Publish how many more jobs were recorded."""
        self._words[Word.JOBS_DONE] += jobs

    @property
    def told_to_leave(self) -> bool:
        """Whether this worker, or everybody, is to finish and leave."""
        return bool(self._words[Word.LEAVE]) or self.farm_stops

    @property
    def farm_stops(self) -> bool:
        """Whether the parent has begun to stop the farm."""
        return bool(self._board.head(Head.NO_CLAIMS))

    @property
    def may_claim(self) -> bool:
        """Whether new work may be taken: nobody shuts down, and the coordinator shows signs of life."""
        if self.farm_stops:
            return False
        return monotonic_us() - self._board.head(Head.COORDINATOR_BEAT) < COORDINATOR_ABSENT

    @property
    def farm_reloads(self) -> bool:
        """Whether no tokens are passed on for a while."""
        return bool(self._board.head(Head.RELOADING))

    @property
    def sibling_idle(self) -> bool:
        """Whether another worker of this queue has nothing to do."""
        queue = self._words[Word.QUEUE]
        for index in range(self._board.slots):
            words = self._board.slot_words(index)
            if words[Word.STATE] == State.IDLE and words[Word.QUEUE] == queue and index != self._slot.index:
                return True
        return False
