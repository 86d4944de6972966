"""What this host looks like: its workers, what they and the machine use, and how long the database takes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import psutil

from forge_jobs.clock import monotonic
from forge_jobs.model.histogram import Histogram
from forge_jobs.model.metrics import Gauges
from forge_jobs.storage.metric_ports import Metrics
from forge_jobs.storage.records import HostRecord, WorkerView
from forge_jobs_supervisor.coordinator.timetable import Duty, Timetable

NOTE_EVERY = 60.0
FIRST_NOTE = 5.0
MOST_WEIGHED = 64
"""Processes whose share of shared memory is looked up, about a millisecond each; of more the resident memory counts."""

_UP = ("idle", "running", "exchange")


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """This host at its last beat, for those who look from another thread: replaced whole, never changed."""

    turned_at: float = 0.0
    workers_up: int = 0
    gauges: Mapping[str, float] = {}
    latency: Mapping[str, Histogram] = {}


class Observer:
    """Takes notes once a minute."""

    def __init__(self, host: HostRecord, metrics: Metrics, timetable: Timetable) -> None:
        self._host = host
        self._metrics = metrics
        self._latency: dict[str, Histogram] = {}  # since the last note
        self._all_latency: dict[str, Histogram] = {}
        self._cpu: list[float] = []
        self._views: Sequence[WorkerView] = ()
        self._machine: dict[str, float] = {}
        self.pulse = Pulse(turned_at=monotonic())
        psutil.cpu_percent()  # from now on
        timetable.add(Duty("note", NOTE_EVERY, self._note, due=monotonic() + FIRST_NOTE))

    @contextlib.contextmanager
    def timing(self, call: str) -> Iterator[None]:
        """Note how long a call to the database takes, if it is answered."""
        before = monotonic()
        yield
        took = (round((monotonic() - before) * 1e6),)
        for kept in (self._latency, self._all_latency):
            kept.setdefault(call, Histogram()).add(took)

    def turned(self) -> None:
        """Say that the coordinator's loop goes round."""
        self.pulse = msgspec.structs.replace(self.pulse, turned_at=monotonic())

    def see(self, views: Sequence[WorkerView]) -> None:
        """Look at the workers, at a beat."""
        self._views = views
        self._cpu.append(sum(view.cpu_percent or 0.0 for view in views))
        self.pulse = Pulse(
            turned_at=monotonic(),
            workers_up=sum(view.state in _UP for view in views),
            gauges=self._machine | self._workers(),
            latency={call: _copied(histogram) for call, histogram in self._all_latency.items()},
        )

    def _workers(self) -> dict[str, float]:
        states = [view.state for view in self._views]
        return {
            "workers": float(len(states)),
            "workers_running": float(states.count("running")),
            "workers_idle": float(states.count("idle")),
        }

    def _note(self) -> None:
        """Store this minute."""
        pids = [self._host.pid, os.getpid(), *(view.pid for view in self._views)]
        self._machine = {
            "cpu_percent": sum(self._cpu) / max(len(self._cpu), 1),
            "machine_cpu_percent": psutil.cpu_percent(),
            "machine_memory_percent": psutil.virtual_memory().percent,
            "memory_bytes": float(sum(_memory(pid, share=len(pids) <= MOST_WEIGHED) for pid in pids)),
        }
        self._cpu.clear()
        self._metrics.note(
            Gauges(
                host_id=self._host.host_id,
                label=self._host.label,
                values=self._machine | self._workers(),
                latency=self._latency,
            )
        )
        self._latency = {}


def _memory(pid: int, *, share: bool) -> int:
    """Return the memory of a process in bytes: its share of what it shares with others, where that can be had."""
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        with contextlib.suppress(psutil.AccessDenied, AttributeError):
            if share:
                return int(process.memory_full_info().pss)
        return int(process.memory_info().rss)
    return 0


def _copied(histogram: Histogram) -> Histogram:
    return Histogram(buckets=dict(histogram.buckets), sum=histogram.sum, max=histogram.max)
