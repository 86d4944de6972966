"""Another process that holds a lock until it is told to let go."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.forking import fork


@dataclass
class Holder:
    """The other process. ``release`` may be called once or not at all."""

    pid: int
    _end: list[int]

    def release(self) -> None:
        """Let go."""
        while self._end:
            os.close(self._end.pop())


@contextlib.contextmanager
def holding(path: Path, start: int = 0, length: int = 0) -> Iterator[Holder]:
    """Let another process hold an fcntl lock on the bytes of a file; by default on all of them."""
    locked, report = os.pipe()
    wait, end = os.pipe()

    def hold() -> str:
        os.close(end)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.lockf(fd, fcntl.LOCK_EX, length, start)
        os.write(report, f"{os.getpid()}".encode())
        os.close(report)
        os.read(wait, 1)  # ends when the other end is closed
        return "released"

    answer = fork(hold)
    os.close(report)
    os.close(wait)
    with os.fdopen(locked) as pipe:
        holder = Holder(int(pipe.read()), [end])
    try:
        yield holder
    finally:
        holder.release()
        assert answer() == "released"
