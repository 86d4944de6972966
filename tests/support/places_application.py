"""An application whose handlers have limits, and note when they run. Run beside application.py."""

import os
import time
from pathlib import Path

from application import jobs, pause

from forge_jobs import JobContext, Throttled

jobs.rate_limit("api", capacity=4, per_second=20)


def line(path: Path, *words: object) -> None:
    """Append one line in one write."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, (" ".join(map(str, words)) + "\n").encode())
    os.close(fd)


@jobs.handler(max_running=2)
def heavy(path: Path, n: int) -> None:
    line(path, time.monotonic_ns(), 1)
    pause(0.02)
    line(path, time.monotonic_ns(), -1)


@jobs.handler(max_running_per_key=1, concurrency_key="tenant", max_attempts=3)
def in_order(ctx: JobContext, path: Path, tenant: str, n: int) -> None:
    line(path, tenant, n, ctx.attempt)
    if n % 7 == 3 and ctx.attempt == 1:
        raise ValueError("once more")


@jobs.handler(rate_limit="api")
def metered(path: Path, n: int) -> None:
    line(path, time.monotonic_ns())


@jobs.handler
def asks(ctx: JobContext, path: Path, n: int) -> None:
    ctx.rate_limit.acquire("api", "api:own")
    line(path, time.monotonic_ns())


@jobs.handler(max_throttles=3)
def throttled(path: Path) -> None:
    line(path, "tried")
    raise Throttled(0.01)


@jobs.handler(max_running=1)
def dies(path: Path, n: int) -> None:
    line(path, "began", n)
    if n == 0:
        os.kill(os.getpid(), 9)
