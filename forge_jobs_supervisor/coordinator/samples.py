"""What each worker uses now, by the operating system."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import NamedTuple

import psutil


class Sample(NamedTuple):
    """CPU of one core since the last sample, in percent; bytes of resident memory; whether it is stopped (SIGSTOP)."""

    cpu_percent: float | None = None
    memory: int | None = None
    stopped: bool = False


class Samples:
    """Remembers each process, since CPU is measured from one sample to the next."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}

    def take(self, pid: int) -> Sample:
        """Sample one process; empty where it is gone."""
        with contextlib.suppress(psutil.Error):
            known = self._processes.get(pid)
            process = known or self._processes.setdefault(pid, psutil.Process(pid))
            with process.oneshot():
                cpu = process.cpu_percent()
                stopped = process.status() == psutil.STATUS_STOPPED
                return Sample(cpu if known else None, process.memory_info().rss, stopped)
        return Sample()

    def forget_all_but(self, pids: Iterable[int]) -> None:
        """Forget processes that are gone."""
        living = set(pids)
        for pid in self._processes.keys() - living:
            del self._processes[pid]
