"""The byte that a supervisor holds locked for life, by which others know that it lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from forge_jobs.locks import flock_record, is_at


class LifeLock:
    """Held until the process ends, also while it becomes another program. ``byte`` is which one.

    The lock belongs to the open file (F_OFD_SETLK, fcntl(2)), not to the process: what an application opens and closes
    of the same file, looking at hosts, does not drop it. Children close their copy: it ends with the supervisor.
    """

    def __init__(self, fd: int, byte: int) -> None:
        self.fd = fd
        self.byte = byte

    @classmethod
    def take(cls, path: Path) -> LifeLock:
        """Lock a byte that nobody has."""
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            byte = int.from_bytes(os.urandom(7)) >> 1
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, flock_record(byte))
            except (BlockingIOError, PermissionError):
                os.close(fd)
                continue
            if is_at(fd, path):
                return cls(fd, byte)
            os.close(fd)  # it was dropped meanwhile, with its database

    def abandon(self) -> None:
        """In a forked child: close the inherited descriptor; the parent's lock is not touched."""
        os.close(self.fd)
