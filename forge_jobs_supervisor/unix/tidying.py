"""Putting a process back in order after a handler: what it changed of the process would hit the next job."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal without its enums
import contextlib
import logging
import os
import signal
import sys
from typing import TextIO

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_OTHER_SIGNALS = tuple(
    int(number)
    for number in (
        *(signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGCHLD, signal.SIGPIPE, signal.SIGQUIT),
        *(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGXCPU),
    )
)
"""Those besides the ones that the worker's loop takes back itself."""


class Tidy:
    """Remembers how a worker was born, and restores it: some 4 microseconds where nothing was changed."""

    def __init__(self) -> None:
        self._directory = os.getcwd()  # noqa: PTH109 - as text: what is measured in microseconds
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        self._signals = [(number, _signal.getsignal(number)) for number in _OTHER_SIGNALS]
        self._streams = (sys.stdout, sys.stderr)

    def restore(self) -> None:
        """Restore timers, signals, streams, the directory, the umask and the process group."""
        for timer in _TIMERS:
            _signal.setitimer(timer, 0)
        for number, action in self._signals:
            if _signal.getsignal(number) is not action and action is not None:
                signal.signal(number, action)
        with contextlib.suppress(OSError):  # it was removed, perhaps
            os.chdir(self._directory)
        os.umask(self._umask)
        if os.getpgrp() != os.getpid():
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
        sys.stdout, sys.stderr = self._streams
        if sys.stdout.closed or sys.stderr.closed:
            self._streams = sys.stdout, sys.stderr = _opened_again(1), _opened_again(2)
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler):
                    handler.stream = sys.stderr  # setStream() would flush the closed one


def _opened_again(fd: int) -> TextIO:
    """Return a stream on a standard descriptor, which leads nowhere if it was closed, too."""
    try:
        os.fstat(fd)
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        if null != fd:
            os.dup2(null, fd)
            os.close(null)
    return open(fd, "w", buffering=1, errors="backslashreplace", closefd=False)
