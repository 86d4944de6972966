"""What ``ps`` shows."""

from __future__ import annotations

from setproctitle import setproctitle


def supervisor(queues: str) -> None:
    """Name this process the supervisor."""
    setproctitle(f"forge-jobs: supervisor {queues}")


def coordinator() -> None:
    """Name this process the coordinator."""
    setproctitle("forge-jobs: coordinator")


def worker(queue: str, number: int, doing: str) -> None:
    """Name this process a worker, and say what it does."""
    setproctitle(f"forge-jobs: worker {queue} #{number} · {doing}")
