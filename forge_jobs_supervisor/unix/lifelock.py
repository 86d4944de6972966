"""The byte that a supervisor holds locked for life, by which others know that it lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class LifeLock:
    """Held until the process ends, also while it becomes another program. The file is never closed: that would drop it.

    ``byte`` is which one.
    """

    def __init__(self, fd: int, byte: int) -> None:
        self.fd = fd
        self.byte = byte

    @classmethod
    def take(cls, path: Path) -> LifeLock:
        """Lock a byte that nobody has."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while True:
            byte = int.from_bytes(os.urandom(7)) >> 1
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            except (BlockingIOError, PermissionError):
                continue
            return cls(fd, byte)

    def abandon(self) -> None:
        """In a forked child: close the inherited descriptor; the parent's lock is not touched."""
        os.close(self.fd)
