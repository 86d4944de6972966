"""Descriptors of our own, out of the way: a handler that closes one twice hits a low number, not ours."""

from __future__ import annotations

import fcntl
import os

HIGH = 512


def lifted(fd: int) -> int:
    """Return a descriptor with a high number for the same thing; ``fd`` is closed, unless there is none to be had."""
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH)
    except OSError:  # the process may not have so many
        return fd
    os.close(fd)
    return high
