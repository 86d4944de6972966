"""A disk that lies: SQLite's file system, whose n-th write or sync fails, is torn, or is the last of all."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import apsw

BASE = "unix"


class Fault(StrEnum):
    """What happens at the moment that is chosen."""

    WRITE_FAILS = "the write fails (EIO)"
    FULL = "the disk is full (ENOSPC)"
    TORN = "half of the write is done, then it fails"
    POWER = "the power goes: what was not synchronized is gone"
    POWER_TORN = "the power goes: of what was not synchronized some is there, in any order"
    DROPPED = "it is confirmed and never done, which nobody sees before the power goes"
    DELAYED = "it takes as long as the test wants"


FAILURES = (Fault.WRITE_FAILS, Fault.FULL, Fault.TORN, Fault.POWER, Fault.POWER_TORN)
"""Those that the program is told of, or that go with the power: every promise holds. Of what is dropped none can."""


class Disk(apsw.VFS):
    """The default file system of SQLite in this process, until it is closed.

    Files are real ones, in the memory of a kernel that does not lose its power: what would be left of each is kept
    here. ``arm`` chooses the moment; ``operations`` counts what changes a file since then.
    """

    NAME = "lying"

    def __init__(self) -> None:
        super().__init__(self.NAME, BASE, makedefault=True)
        self.operations = 0
        self.held = threading.Event()
        self._go_on = threading.Event()
        self._at = 0
        self._fault: Fault | None = None
        self._broken = False
        self._durable: dict[str, bytearray] = {}
        self._loose: dict[str, list[tuple[int, bytes | None]]] = {}

    def arm(self, fault: Fault, at: int) -> None:
        """Let ``fault`` happen at the ``at``-th operation from now on; a fault of the disk happens once."""
        self.operations, self._fault, self._at, self._broken = 0, fault, at, False
        self.held.clear()
        self._go_on.clear()

    def disarm(self) -> None:
        """Be a good disk again."""
        self._fault, self._broken, self._at = None, False, 0

    def forget(self) -> None:
        """Take what all files have now for synchronized: others have written them."""
        self._durable.clear()
        self._loose.clear()

    def go_on(self) -> None:
        """Let what is delayed (``held`` is set) be done."""
        self._go_on.set()

    def lose_power(self) -> None:
        """Let nobody write any more, until ``restart``."""
        self._broken = True

    @property
    def power_is_off(self) -> bool:
        """Whether the power went, so that nothing can be written until ``restart``."""
        return self._broken

    def restart(self) -> None:
        """Be as after a power failure: every file has what was synchronized, and perhaps some of what was not.

        No connection may be open.
        """
        chance = random.Random(self._at)
        for name, content in self._durable.items():
            if self._fault is Fault.POWER_TORN:
                for offset, data in self._loose.get(name, ()):
                    if chance.random() < 0.5:
                        _apply(content, offset, data)
            Path(name).write_bytes(content)
            Path(f"{name}-shm").unlink(missing_ok=True)
        for name in self._loose.keys() - self._durable.keys():
            Path(name).unlink(missing_ok=True)  # never synchronized: its name may be gone, too

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's word
        """Open a file."""
        return _File(self, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        """Remove a file: here the directory is synchronized at once."""
        super().xDelete(name, sync)
        self._durable.pop(name, None)
        self._loose.pop(name, None)

    def change(self, name: str, offset: int, data: bytes | None, do: Callable[[bytes | None], None]) -> None:
        """Do a write, or (without data) a truncation, unless this is the moment."""
        self._durable_at_first(name)
        dropped = self._is_now() and self._happens(lambda: do(data[: len(data) // 2]) if data else None)
        loose = self._loose.setdefault(name, [])
        if not dropped:
            loose.append((offset, data))
        do(data)  # as long as the power is there, whoever reads finds what was dropped, too

    def sync(self, name: str) -> None:
        """Synchronize a file, unless this is the moment."""
        self._durable_at_first(name)
        if self._is_now() and self._happens(lambda: None):
            return
        content = self._durable.setdefault(name, bytearray())
        for offset, data in self._loose.pop(name, ()):
            _apply(content, offset, data)

    def _durable_at_first(self, name: str) -> None:
        """Take what a file has before its first change for synchronized."""
        path = Path(name)
        if name not in self._durable and name not in self._loose and path.exists() and path.stat().st_size:
            self._durable[name] = bytearray(path.read_bytes())

    def _is_now(self) -> bool:
        self.operations += 1
        return self._broken or (self._fault is not None and self.operations == self._at)

    def _happens(self, half: Callable[[], None]) -> bool:
        """Let the fault happen; return whether the operation is dropped, else it is to be done."""
        if not self._broken:
            if self._fault is Fault.DELAYED:
                self.held.set()
                self._go_on.wait()
                return False
            if self._fault is Fault.DROPPED:
                return True
        if self._fault in (Fault.POWER, Fault.POWER_TORN):
            self._broken = True  # nobody writes any more
        if self._fault is Fault.TORN:
            half()
        if self._fault is Fault.FULL:
            raise apsw.FullError("the disk is full")
        raise apsw.IOError("disk I/O error")


class _File(apsw.VFSFile):
    """One open file."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        super().__init__(BASE, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write."""
        write = super().xWrite
        self._disk.change(self._name, offset, bytes(data), lambda part: write(part or b"", offset))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        """Cut."""
        cut = super().xTruncate
        self._disk.change(self._name, size, None, lambda _none: cut(size))

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Synchronize: the kernel need not, since its power stays."""
        self._disk.sync(self._name)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data
