"""Job ids (UUID version 7) and process ids.

A job id carries its millisecond of birth, then a 74-bit tail (RFC 9562, section 6.2, method 2: the tail of the
next id within one millisecond is the last one plus a random step), so that the ids of one process only rise. When
a tail would overflow, or the clock stands behind the last id, the generator counts on from the last id's
millisecond instead of drawing a smaller one. Ids that are minted together have one millisecond. The state is thrown
away in a forked child.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Iterable

_TAIL_BITS = 74
_TAIL_MAX = (1 << _TAIL_BITS) - 1
_LOWER = (1 << 62) - 1
_VARIANT = 0b10 << 62
_SEED_BYTES = 10
_STEP_BYTES = 4


class IdSource:
    """Mints UUIDv7 texts that rise strictly within this process; safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._tail = 0

    def reseed(self) -> None:
        """Forget all state: what follows is drawn from fresh randomness."""
        self.__init__()  # type: ignore[misc]  # the constructor is the reset

    def mint(self) -> str:
        """Return the next id in its canonical 36-character form."""
        return self.mint_many(1)[0]

    def mint_many(self, number: int) -> list[str]:
        """Return the next ids, in the order in which they rise."""
        noise = os.urandom(_SEED_BYTES + _STEP_BYTES * number)  # asked for once: it costs more than an id
        steps = struct.unpack_from(f"{number}I", noise, _SEED_BYTES)
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._begin(now, noise)
            return self._count_on(steps)

    def _begin(self, millisecond: int, noise: bytes) -> None:
        self._millisecond = millisecond
        self._tail = int.from_bytes(noise[:_SEED_BYTES]) >> 7  # 73 random bits: the upper half is room to count in

    def _count_on(self, steps: Iterable[int]) -> list[str]:
        ids = []
        first = None
        for step in steps:
            self._tail = tail = self._tail + step + 1
            if tail > _TAIL_MAX:
                self._begin(self._millisecond + 1, os.urandom(_SEED_BYTES))
                first, tail = None, self._tail
            if first != tail >> 62:  # the first half of the text, which is nearly always that of the id before
                first = tail >> 62
                upper = f"{self._millisecond << 16 | 0x7000 | first:016x}"
                head = f"{upper[:8]}-{upper[8:12]}-{upper[12:]}-"
            lower = f"{_VARIANT | tail & _LOWER:016x}"
            ids.append(f"{head}{lower[:4]}-{lower[4:]}")
        return ids


_source = IdSource()
os.register_at_fork(after_in_child=_source.reseed)


def new_job_id() -> str:
    """Return a job id that is greater than every one minted before by this process."""
    return _source.mint()


def new_job_ids(number: int) -> list[str]:
    """Return so many job ids, each greater than the one before and than every one minted before by this process."""
    return _source.mint_many(number)


def first_id_at(moment: int) -> str:
    """Return the smallest id that a job can have which was born at an instant, in microseconds since the epoch."""
    text = f"{max(moment, 0) // 1000:012x}"
    return f"{text[:8]}-{text[8:12]}-7000-8000-000000000000"


def new_host_id() -> str:
    """Return the id of one supervisor's life: 16 hexadecimal digits."""
    return os.urandom(8).hex()


def new_process_id() -> int:
    """Return a number from 1 to 2**62 for one worker's birth, never to be used again."""
    return (int.from_bytes(os.urandom(8)) >> 2) + 1
