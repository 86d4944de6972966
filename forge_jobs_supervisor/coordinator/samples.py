"""What each worker uses now, by the operating system."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import NamedTuple

import psutil

from forge_jobs.clock import monotonic

REST = 10.0
"""Seconds after which a process that rests is sampled again: it may have been stopped (SIGSTOP)."""


class Sample(NamedTuple):
    """CPU of one core since the last sample, in percent; bytes of resident memory; whether it is stopped (SIGSTOP)."""

    cpu_percent: float | None = None
    memory: int | None = None
    stopped: bool = False


class _Rest(NamedTuple):
    since: int
    sample: Sample
    good_until: float


class Samples:
    """Remembers each process, since CPU is measured from one sample to the next."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}
        self._rests: dict[int, _Rest] = {}

    def take(self, pid: int, rests_since: int | None = None) -> Sample:
        """Sample one process; empty where it is gone.

        ``rests_since`` says since when it has had nothing to do. Once a sample has shown what it uses then, the next
        one is taken only after a while: to read what the system says costs more than all else an idle farm does.
        """
        if rests_since is None:
            self._rests.pop(pid, None)
            return self._sample(pid)
        last = self._rests.get(pid)
        rested = last is not None and last.since == rests_since
        if last is not None and rested and monotonic() < last.good_until:
            return last.sample
        sample = self._sample(pid)
        self._rests[pid] = _Rest(rests_since, sample, monotonic() + REST if rested else 0.0)
        return sample

    def _sample(self, pid: int) -> Sample:
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
            self._rests.pop(pid, None)
