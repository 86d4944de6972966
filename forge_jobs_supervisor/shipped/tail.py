"""The end of what a program prints: bounded memory, whole characters."""

from __future__ import annotations

KEPT = 16 * 1024
"""Bytes of each output that are kept."""

_CONTINUES = range(0x80, 0xC0)
"""The bytes that go on with a character which began before, in UTF-8."""


class Tail:
    """Takes bytes as they come and keeps the last ones."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._bytes = bytearray()
        self.total = 0

    def take(self, chunk: bytes) -> None:
        """Take some more bytes."""
        self.total += len(chunk)
        self._bytes += chunk[-self._kept :]
        if len(self._bytes) > 2 * self._kept:  # not at every chunk: each cut moves what stays
            del self._bytes[: -self._kept]

    @property
    def cut(self) -> bool:
        """Whether there was more than is kept."""
        return self.total > self._kept

    def text(self, at_most: int | None = None) -> str:
        """Return the last bytes (``at_most`` so many) as text.

        What is no UTF-8 is replaced; a character that the cut went through is left out.
        """
        size = self._kept if at_most is None else min(at_most, self._kept)
        last = bytes(self._bytes[-size:])
        if self.total > len(last):
            while last and last[0] in _CONTINUES and size - len(last) < 3:
                last = last[1:]
        return last.decode("utf-8", "replace")

    def last_line(self) -> str:
        """Return the last line that is not blank, as far as it has come."""
        return self.text(1024).strip().rpartition("\n")[2].rpartition("\r")[2]
