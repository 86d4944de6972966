"""Waiting for a file lock in the kernel's own line, with a time limit, in a process that owns its signals."""

from __future__ import annotations

import contextlib
import fcntl
import signal


class _Late(Exception):
    """The alarm rang."""


_AGAIN = 0.02
"""Seconds between two alarms: the first may come just before the wait begins, which it would not end then."""


def wait_for_lock(fd: int, seconds: float) -> bool:
    """Lock ``fd`` exclusively, waiting at most ``seconds``; False if it was not to be had.

    For single-threaded processes only: it borrows SIGALRM and the real-time interval timer.
    """
    late = False

    def ring(_number: int, _frame: object) -> None:
        nonlocal late
        if not late:
            late = True
            raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), _AGAIN)
        fcntl.lockf(fd, fcntl.LOCK_EX)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return True
    except _Late:
        with contextlib.suppress(OSError):
            fcntl.lockf(fd, fcntl.LOCK_UN)  # it may have been got just before the alarm
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
