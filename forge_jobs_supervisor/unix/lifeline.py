"""The private line between the parent and one child: datagrams both ways, and end-of-file when the other is gone.

End-of-file is a hint; the wait status is the fact.
"""

from __future__ import annotations

import contextlib
import os
import socket

from forge_jobs_supervisor.unix.descriptors import lifted

MAX_DATAGRAM = 64 * 1024
"""Bytes: of a longer one the other side would read the beginning only."""


class Lifeline:
    """One end of the line."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._socket.setblocking(False)
        self._unsent: list[bytes] = []
        self._inode = os.fstat(end.fileno()).st_ino

    @classmethod
    def pair(cls) -> tuple[Lifeline, Lifeline]:
        """Return the two ends."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(one), cls(other)

    def lift(self) -> None:
        """Move this end to a high descriptor."""
        self._socket = socket.socket(fileno=lifted(self._socket.detach()))
        self._socket.setblocking(False)

    @classmethod
    def adopt(cls, fd: int) -> Lifeline:
        """Take over an end that this process had when it was another program."""
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def is_open(self) -> bool:
        """Return whether nobody has closed the descriptor behind our back."""
        try:
            return os.fstat(self._socket.fileno()).st_ino == self._inode
        except OSError:
            return False

    def send(self, datagram: bytes) -> bool:
        """Send, or keep for ``flush`` while the line is full; False when the other side is gone.

        Raises ValueError for what is longer than ``MAX_DATAGRAM``: whoever says something sees to it that it fits.
        """
        if len(datagram) > MAX_DATAGRAM:
            told = f"a message of {len(datagram):,} bytes is too long for a lifeline, which takes {MAX_DATAGRAM:,}"
            raise ValueError(f"{told}: {datagram[:80]!r}…")
        self._unsent.append(datagram)
        return self.flush()

    def flush(self) -> bool:
        """Send what was kept; False when the other side is gone."""
        try:
            while self._unsent:
                self._socket.send(self._unsent[0])
                del self._unsent[0]
        except BlockingIOError:
            return True
        except OSError:
            self._unsent.clear()
            return False
        return True

    def receive(self) -> tuple[list[bytes], bool]:
        """Return all datagrams that have come, and whether the other side is still there."""
        self.flush()
        came: list[bytes] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    datagram = self._socket.recv(MAX_DATAGRAM)
                except ConnectionError:
                    return came, False
                if not datagram:
                    return came, False
                came.append(datagram)
        return came, True

    def receive_within(self, seconds: float) -> bytes | None:
        """Wait for one datagram; None when the other side goes, or the time is over, first."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(MAX_DATAGRAM) or None
        except (TimeoutError, ConnectionError):
            return None
        finally:
            self._socket.setblocking(False)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()
