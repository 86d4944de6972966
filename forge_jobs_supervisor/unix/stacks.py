"""A worker's Python stack, written by the interpreter's own fault handler at a signal: whatever the worker does."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal without its enums
import contextlib
import faulthandler
import fcntl
import os
import re
import signal

from forge_jobs_supervisor.unix.descriptors import lifted

MOST = 64 * 1024
_BIRTH = re.compile(r'  File "[^"]*/forge_jobs_supervisor/compose\.py", line \d+ in _finished\n(?:  File .*\n?)*')
"""Below the worker's loop lies where it was forked, which is the same for all and of no use."""


class StackWriter:
    """The worker's side: memory of its own that takes its stack."""

    def __init__(self) -> None:
        self.fd = lifted(os.memfd_create("forge-jobs-stack", os.MFD_CLOEXEC))
        flags = fcntl.fcntl(self.fd, fcntl.F_GETFL)
        fcntl.fcntl(self.fd, fcntl.F_SETFL, flags | os.O_APPEND)  # each stack begins where the reader made room
        self._take()

    def reclaim(self) -> None:
        """Take the signal back: a handler may have changed what it does."""
        if _signal.getsignal(signal.SIGUSR2) is not _signal.SIG_DFL:
            signal.signal(signal.SIGUSR2, signal.SIG_DFL)
            faulthandler.unregister(signal.SIGUSR2)  # else it believes that the signal is still its own
            self._take()

    def _take(self) -> None:
        faulthandler.register(signal.SIGUSR2, file=self.fd, all_threads=True, chain=False)


def clear(pid: int, fd: int) -> None:
    """Empty another process's memory for stacks, before it is asked for one."""
    with contextlib.suppress(OSError):
        os.truncate(f"/proc/{pid}/fd/{fd}", 0)


def read(pid: int, fd: int) -> str:
    """Return what another process has written; empty while it has not, or is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/fd/{fd}", "rb") as memory:  # noqa: PTH123
        return _BIRTH.sub("", memory.read(MOST).decode("utf-8", "replace"))
    return ""
