"""Waiting for facts."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds after which something that has not happened will not."""


def until(fact: Callable[[], bool], told: str, *, every: float, within: float = PATIENCE) -> float:
    """Look every so many seconds for a fact, and return the unix time at which it was seen.

    Raises TimeoutError, which names the fact by ``told``, after ``within`` seconds.
    """
    give_up = time.monotonic() + within
    while not fact():
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited {within:g} s for {told}")
        time.sleep(every)
    return time.time()
