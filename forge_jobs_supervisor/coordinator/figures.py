"""Which numbers a coordinator tells, under which names and labels; docs/metrics.md lists them."""

from __future__ import annotations

from collections.abc import Mapping

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.metrics import Measure
from forge_jobs.storage.ports import Storage
from forge_jobs.storage.records import HostRecord
from forge_jobs_supervisor.coordinator.exposition import Exposition
from forge_jobs_supervisor.coordinator.observing import Pulse

COUNTERS = {
    "enqueued": "Jobs stored.",
    "claimed": "Jobs taken by workers.",
    "unstarted": "Claims given back before the job started.",
    "done": "Jobs that succeeded.",
    "failed": "Attempts that did not end well, whatever became of the job.",
    "retried": "Failed attempts whose job is tried again.",
    "dead": "Jobs that ended dead.",
    "cancelled": "Jobs that ended dead because somebody cancelled them.",
    "expired": "Jobs that ended dead because it was too late to start them.",
    "timed_out": "Failed attempts that had passed their time limit.",
    "out_of_memory": "Failed attempts that had passed their memory limit.",
    "crashed": "Failed attempts whose worker died.",
    "put_back": "Attempts given back after they had started: throttled, snoozed, or interrupted by a stop.",
}
QUEUE_GAUGES = {
    "pending_jobs": ("pending", "Jobs that may start now."),
    "scheduled_jobs": ("scheduled", "Jobs that wait for their time."),
    "in_flight_jobs": ("in_progress", "Jobs that are claimed."),
    "held_jobs": ("held", "Jobs that are claimed and not started."),
    "done_jobs": ("done", "Jobs that succeeded and are kept."),
    "failed_jobs": ("failed", "Jobs that wait for their next attempt."),
    "dead_jobs": ("dead", "Dead jobs that are kept."),
    "paused": ("paused", "1 while the queue is paused."),
    "workers": ("workers", "Live workers of all hosts."),
    "oldest_pending_age_seconds": ("oldest_ready_seconds", "How long the first job in line has been waiting."),
}
HOST_GAUGES = {
    "workers": "Workers of this host.",
    "workers_running": "Workers of this host that run a job.",
    "workers_idle": "Workers of this host that have nothing to do.",
    "cpu_percent": "CPU of this host's workers, in percent of one core; mean of the last minute.",
    "machine_cpu_percent": "CPU of the machine, in percent of all cores; mean of the last minute.",
    "machine_memory_percent": "Memory of the machine that is in use, in percent.",
    "memory_bytes": "Memory of supervisor, coordinator and workers, what they share counted once.",
}
DATABASE_GAUGES = {
    "database_bytes": "Size of the database.",
    "log_bytes": "Size of the write-ahead log.",
    "disk_free_bytes": "Free bytes on the disk of the database.",
    "connections": "Connections to the database, of all programs.",
    "dead_rows": "Dead rows of the job table.",
    "live_rows": "Living rows of the job table.",
}


def figures(storage: Storage, host: HostRecord, pulse: Pulse) -> str:
    """Return all numbers as text; raise DatabaseError."""
    told = Exposition()
    _tell_queues(told, storage)
    _tell_totals(told, storage.metrics.totals())
    for name, help_ in HOST_GAUGES.items():
        if name in pulse.gauges:
            told.family(f"forge_jobs_host_{name}", "gauge", help_).add(pulse.gauges[name], host=host.label)
    sizes = storage.metrics.sizes()
    for name, help_ in DATABASE_GAUGES.items():
        if name in sizes:
            told.family(f"forge_jobs_{'' if name.startswith('database') else 'database_'}{name}", "gauge", help_).add(
                sizes[name]
            )
    family = told.family(
        "forge_jobs_database_seconds", "histogram", "How long this host's coordinator waited for the database, by call."
    )
    for call, histogram in sorted(pulse.latency.items()):
        family.add_histogram(histogram, call=call, host=host.label)
    return told.text()


def _tell_queues(told: Exposition, storage: Storage) -> None:
    counts, settings = storage.operator.counts(), storage.queue_config.queues()
    for name, (field, help_) in QUEUE_GAUGES.items():
        family = told.family(f"forge_jobs_queue_{name}", "gauge", help_)
        for queue, counted in counts.items():
            family.add(getattr(counted, field) or 0, queue=queue)
    family = told.family("forge_jobs_queue_throttled", "gauge", "1 while the whole queue cools down after a throttle.")
    for setting in settings:
        family.add(setting.cools_at(storage.clock.now()), queue=setting.name)
    family = told.family(
        "forge_jobs_queue_max_workers", "gauge", "The cap on the workers of all hosts; none where there is no cap."
    )
    for setting in settings:
        if setting.max_workers is not None:
            family.add(setting.max_workers, queue=setting.name)


def _tell_totals(told: Exposition, totals: Mapping[tuple[str, str], Measure]) -> None:
    for name, help_ in COUNTERS.items():
        family = told.family(f"forge_jobs_{name}_total", "counter", help_)
        for (queue, kind), measure in totals.items():
            family.add(getattr(measure, name), queue=queue, kind=kind)
    family = told.family("forge_jobs_cpu_seconds_total", "counter", "CPU time of attempts that ended by themselves.")
    for (queue, kind), measure in totals.items():
        family.add(measure.cpu / MICROSECONDS, queue=queue, kind=kind)
    for name, help_ in (
        ("wait", "From when an attempt might have started to its start."),
        ("run", "From an attempt's start to its end."),
    ):
        family = told.family(f"forge_jobs_{name}_seconds", "histogram", help_)
        for (queue, kind), measure in totals.items():
            family.add_histogram(getattr(measure, name), queue=queue, kind=kind)
