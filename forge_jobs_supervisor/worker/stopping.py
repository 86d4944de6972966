"""Stopping the handler that runs: what the mailbox asks for is raised in it, and in nothing else.

The parent writes a claim's number into the mailbox and sends a signal, again and again until the job has ended. The
signal's function raises only if that claim is running and the interrupted code is the handler's, so neither a job that
has just started nor the worker's own code is ever hit. It does not raise twice while the handler cleans up after the
first time; it does where the exception was swallowed, in a ``__del__``, a callback of C code or an ``except:``.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from pathlib import Path
from types import FrameType

from forge_jobs import storage
from forge_jobs.execution import call
from forge_jobs.model.stops import CANCELLED, RAISED, JobStopped, StopReason, ran_too_long, used_too_much
from forge_jobs_supervisor.worker.seat import Seat

_CALL = call.__code__
_STORAGE = str(Path(storage.__file__).parent)


@contextmanager
def _block() -> Iterator[None]:
    yield


_BETWEEN = frozenset(getattr(type(_block()), name).__code__ for name in ("__enter__", "__exit__"))
"""Between a generator and the block that it serves: what is raised there ends neither, and what it holds stays held."""

_DEEPEST = 100
"""How far back a chain of exceptions is followed: more than any that a program means."""


class Stopper:
    """Decides whether the running handler is interrupted. The Stops that a JobContext asks, too."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._shields = 0
        self._raised: JobStopped | None = None
        self._waits = False

    def begin(self) -> None:
        """Note that another job begins."""
        self._shields = 0
        self._raised = None

    def end(self) -> bool:
        """Note that the job has ended; return whether anything was raised in it."""
        self._put_off(False)
        if self._raised is None:
            return False
        traceback.clear_frames(self._raised.__traceback__)  # what the handler still holds, a lock too, it lets go
        return True

    def struck(self) -> JobStopped | None:
        """Return what was raised in the job that runs, or ran last."""
        return self._raised

    def on_signal(self, _number: int, frame: FrameType | None) -> None:
        """Raise in the handler what the mailbox asks for, if the handler is what was interrupted."""
        if self.requested() is None or self._shields or self._cleans_up():
            return
        match where_is(frame):
            case Where.HANDLER:
                raise self._stop()
            case Where.DATABASE:
                self._put_off(True)

    def _put_off(self, until_return: bool) -> None:
        """Raise when a call to the database returns to the handler: it may call it again and again without a pause."""
        if until_return != self._waits:
            self._waits = until_return
            sys.setprofile(self._on_event if until_return else None)

    def _on_event(self, frame: FrameType, event: str, _detail: object) -> None:
        leaves = event == "return" and is_database(frame) and where_is(frame.f_back) is Where.HANDLER
        if (
            leaves
            and not _may_go_on(frame)
            and self.requested() is not None
            and not self._shields
            and not self._cleans_up()
        ):
            raise self._stop()

    def requested(self) -> StopReason | None:
        """Return why the running job is to stop, None while it is not."""
        return self._seat.stop_requested

    def check(self) -> None:
        """Raise if the running job is to stop."""
        if self.requested() is not None:
            raise self._stop()

    def shield(self, seconds: float) -> AbstractContextManager[None]:
        """Return a block in which nothing is raised."""
        return _Shield(self, self._seat, seconds)

    def _stop(self) -> JobStopped:
        self._put_off(False)
        reason = self.requested()
        assert reason is not None
        if self._raised is None:
            self._raised = RAISED[reason](self._told(reason))
        return self._raised

    def _told(self, reason: StopReason) -> str:
        match reason:
            case StopReason.TIMEOUT:
                return ran_too_long(self._seat.time_limit)
            case StopReason.MEMORY:
                limit, used = self._seat.memory
                return used_too_much(used, limit)
            case StopReason.CANCEL:
                return CANCELLED
            case StopReason.INTERRUPT:
                return "the farm stops"

    def _cleans_up(self) -> bool:
        """Whether what was raised before is being handled right now."""
        handled = sys.exception()
        for _ in range(_DEEPEST):
            if handled is None or self._raised is None:
                return False
            if handled is self._raised:
                return True
            handled = handled.__context__
        return True


class Where(Enum):
    """Where a worker was interrupted."""

    ELSEWHERE = "elsewhere"
    HANDLER = "handler"
    DATABASE = "database"


def where_is(frame: FrameType | None) -> Where:
    """Return whether a frame is the handler's, or of a call to the database that the handler made."""
    if frame is None or frame.f_code is _CALL:
        return Where.ELSEWHERE  # it has not begun, or has ended well
    if frame.f_code in _BETWEEN:
        return Where.ELSEWHERE
    place = Where.HANDLER
    while frame is not None:
        if frame.f_code is _CALL:
            return place
        if is_database(frame):
            place = Where.DATABASE
        frame = frame.f_back
    return Where.ELSEWHERE


def is_database(frame: FrameType) -> bool:
    """Return whether a frame is the storage's."""
    return frame.f_code.co_filename.startswith(_STORAGE)


def _may_go_on(frame: FrameType) -> bool:
    """Return whether a frame that returns may only have yielded: what is raised then does not run its cleanup."""
    return bool(frame.f_code.co_flags & inspect.CO_GENERATOR)


class _Shield(AbstractContextManager[None]):
    def __init__(self, stopper: Stopper, seat: Seat, seconds: float) -> None:
        self._stopper = stopper
        self._seat = seat
        self._seconds = seconds

    def __enter__(self) -> None:
        stops = self._stopper.struck() is not None
        if not self._stopper._shields and not stops:
            self._stopper.check()
        self._stopper._shields += 1
        if self._seconds and not stops:  # who is told to stop gets no more time by asking after
            self._seat.shield(self._seconds)

    def __exit__(self, kind: type[BaseException] | None, *_details: object) -> None:
        self._stopper._shields -= 1
        if self._stopper._shields:
            return
        if self._stopper.requested() is None:
            self._seat.unshield()
        elif kind is None and not self._stopper._cleans_up():
            self._stopper.check()
