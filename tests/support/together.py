"""Many clients of one database at once, in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from forge_jobs.clock import Clock
from forge_jobs.storage import Storage
from tests.support.backends import Backend

MANY = 8


def together(backend: Backend, clock: Clock, act: Callable[[Storage], None]) -> None:
    """Do the same at once with as many storages of their own."""
    storages = [backend.open(clock) for _ in range(MANY)]
    with ThreadPoolExecutor(MANY) as pool:
        for done in [pool.submit(act, storage) for storage in storages]:
            done.result()
