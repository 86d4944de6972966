"""A worker's place on a real board, and the parent's hand: what it writes into the mailbox, and its signal."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from forge_jobs.execution import call
from forge_jobs.ids import new_job_id
from forge_jobs.model.stops import JobStopped, StopReason
from forge_jobs.storage.claims import Claim
from forge_jobs_supervisor.unix.board import Word
from forge_jobs_supervisor.worker.seat import NO_LIMITS, Limits, Seat
from forge_jobs_supervisor.worker.stopping import Stopper
from tests.support.builders import a_board

CLAIM = 5


class Place:
    """A seat whose claim runs, in this process; it takes SIGUSR1 as a worker does."""

    def __init__(self) -> None:
        board = a_board(1)
        self.slot = board.slot(0)
        self.seat = Seat(board, self.slot)
        self.stopper = Stopper(self.seat)
        self.start(CLAIM)

    def start(self, claim_no: int, limits: Limits = NO_LIMITS) -> None:
        """Begin with a claim."""
        self.seat.took([claim_no])
        self.stopper.begin()
        claim = Claim(1, new_job_id(), "work", "default", claim_no, 1, 5, 0, b"{}")
        assert self.seat.start(claim, limits) is not None

    def ask(self, reason: StopReason = StopReason.CANCEL, claim_no: int = CLAIM) -> None:
        """Write into the mailbox which claim is to be stopped."""
        self.slot.set(Word.STOP_REASON, reason)
        self.slot.set(Word.STOP_CLAIM, claim_no)

    def stop(self, reason: StopReason = StopReason.CANCEL, claim_no: int = CLAIM) -> None:
        """Ask, and send the signal."""
        self.ask(reason, claim_no)
        strike()

    def run(self, handler: Callable[[], Any]) -> Any:
        """Call a handler as a worker does; what is raised in it is raised here."""
        return call(handler, (), {})

    def stopped(self, handler: Callable[[], Any]) -> JobStopped:
        """Call a handler that must be stopped, and return what stopped it."""
        with pytest.raises(JobStopped) as stopped:
            self.run(handler)
        assert stopped.value is self.stopper.struck()
        return stopped.value


def strike() -> None:
    """Send this process the signal that stops a handler; it has come when this returns, or raises."""
    os.kill(os.getpid(), signal.SIGUSR1)


@contextlib.contextmanager
def taking_the_signal(place: Place) -> Iterator[None]:
    """Let the signal do in this process what it does in a worker."""
    before = signal.signal(signal.SIGUSR1, place.stopper.on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)
