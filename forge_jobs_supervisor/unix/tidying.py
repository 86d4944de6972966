"""Putting a process back in order after a handler: what it changed of the process would hit the next job."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal without its enums
import contextlib
import logging
import os
import signal
import sys
from typing import TextIO

from forge_jobs_supervisor.unix.descriptors import lifted

_TIMERS = (int(signal.ITIMER_REAL), int(signal.ITIMER_VIRTUAL), int(signal.ITIMER_PROF))
_OTHER_SIGNALS = tuple(
    int(number)
    for number in (
        *(signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGCHLD, signal.SIGPIPE, signal.SIGQUIT),
        *(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGXCPU),
    )
)
"""Those besides the ones that the worker's loop takes back itself."""


class Tidy:
    """Remembers how a worker was born, and restores it.

    Every call into the kernel costs a small job more than it seems to: the code after it runs cold. So after one job
    of many small ones only that is restored which the next would meet.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._directory = os.getcwd()  # noqa: PTH109 - as a text
        self._directory_fd = lifted(os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        self._actions = list(map(_signal.getsignal, _OTHER_SIGNALS))
        self._streams = (sys.stdout, sys.stderr)

    def restore(self) -> None:
        """Restore timers, signals, streams, the directory, the umask and the process group."""
        for timer in _TIMERS:
            _signal.setitimer(timer, 0)
        self.restore_what_shows()
        if os.getpgrp() != self._pid:
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)

    def restore_what_shows(self) -> None:
        """Restore signals, streams, the directory and the umask: timers go on, for ``restore`` to end them."""
        if list(map(_signal.getsignal, _OTHER_SIGNALS)) != self._actions:
            self._restore_signals()
        try:
            os.fchdir(self._directory_fd)
        except OSError:  # somebody has closed it
            with contextlib.suppress(OSError):
                os.chdir(self._directory)
        os.umask(self._umask)
        sys.stdout, sys.stderr = self._streams
        if sys.stdout.closed or sys.stderr.closed:
            self._streams = sys.stdout, sys.stderr = _opened_again(1), _opened_again(2)
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler):
                    handler.stream = sys.stderr  # setStream() would flush the closed one

    def _restore_signals(self) -> None:
        """Take signals back; a timer whose signal had a handler would end the process without it."""
        for timer in _TIMERS:
            _signal.setitimer(timer, 0)
        for number, action in zip(_OTHER_SIGNALS, self._actions, strict=True):
            if _signal.getsignal(number) is not action and action is not None:
                signal.signal(number, action)


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
