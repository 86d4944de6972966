"""The byte that a supervisor holds locked for life, by which others know that it lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class LifeLock:
    """Held until the process ends. The file is never closed: that would drop the lock."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while True:
            self.byte = int.from_bytes(os.urandom(7)) >> 1
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self.byte)
            except (BlockingIOError, PermissionError):
                continue
            return

    def abandon(self) -> None:
        """In a forked child: close the inherited descriptor; the parent's lock is not touched."""
        os.close(self._fd)
