"""Job ids (UUID version 7) and process ids.

A job id carries its millisecond of birth, then a 74-bit tail (RFC 9562, section 6.2, method 2: the tail of the
next id within one millisecond is the last one plus a random step), so that the ids of one process only rise. When
a tail would overflow, or the clock stands behind the last id, the generator counts on from the last id's
millisecond instead of drawing a smaller one. The state is thrown away in a forked child.
"""

from __future__ import annotations

import os
import threading
import time

_TAIL_BITS = 74
_TAIL_MAX = (1 << _TAIL_BITS) - 1


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
        with self._lock:
            now = time.time_ns() // 1_000_000
            noise = int.from_bytes(os.urandom(10))
            if now > self._millisecond:
                self._millisecond = now
                self._tail = noise >> 7  # 73 random bits: the upper half of the tail is room to count in
            else:
                self._tail += 1 + (noise & 0xFFFF_FFFF)
                if self._tail > _TAIL_MAX:
                    self._millisecond += 1
                    self._tail = noise >> 7
            head, tail = self._millisecond, self._tail
        value = (head << 80) | (0x7 << 76) | ((tail >> 62) << 64) | (0b10 << 62) | (tail & ((1 << 62) - 1))
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_source = IdSource()
os.register_at_fork(after_in_child=_source.reseed)


def new_job_id() -> str:
    """Return a job id that is greater than every one minted before by this process."""
    return _source.mint()


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
