"""Stopping one claim, step by step, decided from what its slot shows and the time. Makes no system call."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from forge_jobs.model.stops import StopReason

REPEAT = 0.05
"""Seconds to the second signal: an exception raised in a ``__del__`` or in a callback of C code is swallowed."""

LONGEST_REPEAT = 0.8
"""Each pause is twice the one before, up to this: code of C that waits in slices of 0.1 s, as psycopg does, and begins
its slice anew at each signal would never come to look at them otherwise."""

CLOSING = 0.1
"""Seconds between closing a worker to new starts and killing it, if it still runs the claim then."""

LOST_AFTER = 10.0
"""Seconds after which a claim that never showed up on the board is not waited for any more."""

HURRY_AFTER = 0.1


class Step(Enum):
    """What is to be done now."""

    WAIT = "wait"
    DROP = "drop"  # tell the worker not to start it
    STRIKE = "strike"  # name it in the mailbox, and signal
    CLOSE = "close"  # let the worker start nothing more
    KILL = "kill"
    OVER = "over"  # the slot has moved on


class Seen(NamedTuple):
    """What a slot shows: who, which claim was started last and whether it runs, and the times it asks for."""

    process_id: int
    started_no: int
    running: bool
    grace: float
    shield_until: float


@dataclass
class Order:
    """One claim that is to be stopped. Times are seconds of a clock that leaves out this process's own pauses.

    ``most`` is the longest grace that is given, whatever the handler asks for.
    """

    process_id: int
    claim_no: int
    reason: StopReason
    asked_at: float
    most: float = float("inf")
    told: str = ""
    _dropped: bool = field(default=False, init=False)
    _struck_at: float | None = field(default=None, init=False)
    _again_at: float = field(default=0.0, init=False)
    _pause: float = field(default=REPEAT, init=False)
    _closed_at: float | None = field(default=None, init=False)
    _kill_at: float = field(default=float("inf"), init=False)

    def decide(self, now: float, seen: Seen) -> Step:
        """Return the step of this moment."""
        moved_on = seen.started_no > self.claim_no or (seen.started_no == self.claim_no and not seen.running)
        if seen.process_id != self.process_id or moved_on:
            return Step.OVER
        if seen.started_no < self.claim_no:
            return self._before_its_start(now)
        if self._struck_at is None:
            self._struck_at = now
            return self._strike(now)
        if self._closed_at is not None:
            return Step.KILL if now - self._closed_at >= CLOSING else Step.WAIT
        until = max(self._struck_at + min(seen.grace, self.most), seen.shield_until)
        if now >= min(until, self._kill_at):
            self._closed_at = now
            return Step.CLOSE
        return self._strike(now) if now >= self._again_at else Step.WAIT

    def _before_its_start(self, now: float) -> Step:
        if now - self.asked_at > LOST_AFTER:
            return Step.OVER
        if not self._dropped:
            self._dropped = True
            return Step.DROP
        return Step.WAIT

    def _strike(self, now: float) -> Step:
        self._again_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_REPEAT)
        return Step.STRIKE

    def hurry(self, now: float) -> None:
        """Cut the grace short, once the handler has had a moment to hear of it."""
        if self._struck_at is not None:
            self._kill_at = min(self._kill_at, max(now, self._struck_at + HURRY_AFTER))
