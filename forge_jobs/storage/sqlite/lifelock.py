"""Who is alive: each supervisor holds one byte of the hosts file locked for life.

The kernel drops the lock when the process ends, however it ends. So the answer is right across containers, re-used
process numbers and clock jumps, and cannot be late.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from forge_jobs.locks import flock_record, is_at


def hosts_file(database: Path) -> Path:
    """Return the path of the hosts file of a database."""
    return database.with_name(database.name + "-hosts")


class LifeLocks:
    """Looks at the bytes of supervisors, that of this process among them: its lock belongs to another open file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def held(self, byte: int) -> bool:
        """Return whether a supervisor holds the byte locked; one that a hand made up is held by nobody."""
        if not (isinstance(byte, int) and 0 <= byte < 2**62):
            return False
        if self._fd is not None and not is_at(self._fd, self._path):
            self.close()  # it was dropped with its database, and there is another one
        if self._fd is None:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        answer = fcntl.fcntl(self._fd, fcntl.F_GETLK, flock_record(byte))
        return int.from_bytes(answer[:2], "little") != fcntl.F_UNLCK

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def remove_if_nobody_lives(path: Path) -> None:
    """Remove the hosts file unless a supervisor holds a byte of it: it would be taken for dead."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except (BlockingIOError, PermissionError):
        return
    finally:
        os.close(fd)
