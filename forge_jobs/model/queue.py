"""A queue's settings and its counts."""

from __future__ import annotations

import msgspec

DEFAULT_QUEUE = "default"


class QueueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may set about one queue; the defaults are those of a new queue.

    ``backoff_base`` and ``backoff_max`` are seconds, ``keep_done`` and ``keep_dead`` days. ``max_workers`` caps the
    workers of all hosts together (``None``: each host runs as many as it was started with). ``memory_limit`` is bytes,
    for handlers that name none.
    """

    name: str
    paused: bool = False
    backoff_enabled: bool = True
    backoff_base: float = 10.0
    backoff_max: float = 1800.0
    keep_done: float = 7.0
    keep_dead: float = 30.0
    max_workers: int | None = None
    memory_limit: int | None = None


class QueueCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of a queue are in each state now.

    ``pending`` may start now, ``scheduled`` waits for its time; ``held`` is claimed but not started, and counted
    in ``in_progress`` too; ``failed`` waits for its next attempt. ``oldest_ready_seconds`` is how long the job
    that is first in line has been waiting, ``None`` when none is.
    """

    pending: int = 0
    scheduled: int = 0
    in_progress: int = 0
    held: int = 0
    done: int = 0
    failed: int = 0
    dead: int = 0
    paused: bool = False
    workers: int = 0
    oldest_ready_seconds: float | None = None
