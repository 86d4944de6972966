"""The one interruptible wait: for descriptors, for signals, or until the time is over.

A signal's number arrives through the interpreter's wake-up descriptor, so none is lost between looking and waiting.
Signal handlers themselves only exist; what they mean is decided by the loop that waits. One exception: the signal that
stops a handler must act at once.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal without its enums, which cost 0.1 ms a job
import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from types import FrameType

from forge_jobs_supervisor.unix.descriptors import lifted
from forge_jobs_supervisor.unix.stacks import StackWriter

Action = Callable[[int, FrameType | None], object]


def _noted(_number: int, _frame: object) -> None:
    """Let the interpreter write the number to the wake-up descriptor."""


class Wakeup:
    """Waits for descriptors and signals. One for each process, in its main thread."""

    def __init__(
        self,
        signals: Iterable[signal.Signals],
        actions: Mapping[int, Action] | None = None,
        stack: StackWriter | None = None,
    ) -> None:
        """Take ``signals``; those of ``actions`` run a function, at whatever code they interrupt.

        ``stack`` has a signal of its own, which is taken back with the others.
        """
        self._stack = stack
        self._read, self._write = (socket.socket(fileno=lifted(end.detach())) for end in socket.socketpair())
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._functions = dict.fromkeys(signals, _noted) | dict(actions or {})
        self._unblocked = False  # a child takes its signals first and lets them in after
        self.reclaim()
        self._unblocked = True

    def reclaim(self) -> None:
        """Take the signals (back): other code of this process may have changed what they do."""
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        if self._unblocked and _signal.pthread_sigmask(signal.SIG_BLOCK, ()):
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number, function in self._functions.items():
            if _signal.getsignal(number) is not function:
                signal.signal(number, function)
        if self._stack is not None:
            self._stack.reclaim()

    def watch(self, fd: int) -> None:
        """Wake also when ``fd`` is readable or closed by the other side."""
        self._poll.register(fd, select.POLLIN)

    def forget(self, fd: int) -> None:
        """Do not watch ``fd`` any more."""
        with contextlib.suppress(KeyError):
            self._poll.unregister(fd)

    def wait(self, seconds: float | None) -> tuple[list[int], list[int]]:
        """Wait at most ``seconds``; return the descriptors that are ready and the signals that came."""
        ready = [fd for fd, _event in self._poll.poll(None if seconds is None else max(seconds, 0.0) * 1000)]
        signals: list[int] = []
        if self._read.fileno() in ready:
            ready.remove(self._read.fileno())
            with contextlib.suppress(BlockingIOError):
                while chunk := self._read.recv(4096):
                    signals.extend(chunk)
        return ready, signals

    def close(self) -> None:
        """Give the descriptors back."""
        signal.set_wakeup_fd(-1)
        self._read.close()
        self._write.close()

    def abandon(self) -> None:
        """In a forked child: close the inherited descriptors without touching the parent's wake-ups."""
        for end in (self._read, self._write):
            with contextlib.suppress(OSError):
                os.close(end.detach())
