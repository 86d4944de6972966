"""Locks of bytes of a file, as the kernel has them: struct flock of fcntl(2) on 64-bit Linux."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

PID_AT = 24
"""Where F_GETLK's answer has the holder's pid: after short, short, (pad), off_t start, off_t len. -1: no process."""


def flock_record(start: int, length: int = 1) -> bytes:
    """Return a struct flock that asks about, or for, an exclusive lock of ``length`` bytes."""
    kind = fcntl.F_WRLCK.to_bytes(2, "little") + os.SEEK_SET.to_bytes(2, "little") + bytes(4)
    return kind + start.to_bytes(8, "little") + length.to_bytes(8, "little") + bytes(8)


def is_at(fd: int, path: Path) -> bool:
    """Return whether an open file is the one that has this path now."""
    try:
        there = path.stat()
    except OSError:
        return False
    opened = os.fstat(fd)
    return (opened.st_dev, opened.st_ino) == (there.st_dev, there.st_ino)
