"""When each job was enqueued, started and ended, as the jobs themselves say it: the same clock for every contestant.

The file is one row of three float64 a job, by job number, mapped by all who write it; 0 is "not yet".
"""

from __future__ import annotations

import functools
import mmap
import os
import struct
import time
from pathlib import Path
from types import TracebackType
from typing import Self

MARKS = "FORGE_BENCH_MARKS"
"""The environment variable that tells the jobs where the file is."""

_INSTANT = struct.Struct("=d")
_ENQUEUED, _STARTED, _ENDED = range(3)
_ROW = 3 * _INSTANT.size


class Marks:
    """The marks of ``count`` jobs in a file that is made, or, without ``count``, those in a file that is there.

    As a context manager it also names itself in the environment, for the farms that are started in the block.
    """

    def __init__(self, path: Path, count: int | None = None) -> None:
        self.path = path
        with path.open("r+b" if count is None else "w+b") as file:
            if count is not None:
                file.truncate(count * _ROW)
            self._map = mmap.mmap(file.fileno(), 0)

    def __len__(self) -> int:
        return len(self._map) // _ROW

    def __enter__(self) -> Self:
        os.environ[MARKS] = str(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del os.environ[MARKS]
        self._map.close()

    def enqueued(self, number: int) -> None:
        """Note that job ``number`` is being enqueued now: to be called just before the call that stores it."""
        self._note(number, _ENQUEUED)

    def started(self, number: int) -> None:
        """Note that job ``number`` has started."""
        self._note(number, _STARTED)

    def ended(self, number: int) -> None:
        """Note that job ``number`` has ended."""
        self._note(number, _ENDED)

    def _note(self, number: int, which: int) -> None:
        _INSTANT.pack_into(self._map, number * _ROW + which * _INSTANT.size, time.time())

    @property
    def enqueues(self) -> list[float]:
        """Unix times by job number."""
        return self._column(_ENQUEUED)

    @property
    def starts(self) -> list[float]:
        """Unix times by job number."""
        return self._column(_STARTED)

    @property
    def ends(self) -> list[float]:
        """Unix times by job number."""
        return self._column(_ENDED)

    def _column(self, which: int) -> list[float]:
        return [instant for (instant,) in _INSTANT.iter_unpack(self._map)][which::3]


def here() -> Marks:
    """Return the marks that the environment names, mapped once in each process."""
    return _opened(os.environ[MARKS])


@functools.lru_cache(maxsize=1)
def _opened(path: str) -> Marks:
    return Marks(Path(path))
