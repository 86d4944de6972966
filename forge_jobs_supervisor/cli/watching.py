"""Looking at live hosts: asking them to be watched, and waiting for what they show then."""

from __future__ import annotations

from forge_jobs.app import ForgeJobs
from forge_jobs.clock import monotonic, pause
from forge_jobs.storage.records import HostRecord, WorkerView

FRESH_WITHIN = 3.0
_PAUSE = 0.02


def watch(jobs: ForgeJobs) -> dict[str, int]:
    """Ask every live host to show its board often for some seconds; return when each did last, by host id."""
    shown = {host.host_id: host.beat_at for host in jobs.storage.registry.hosts() if host.alive}
    for host_id in shown:
        jobs.storage.control.ask(host_id, None, "watch")
    return shown


def fresh_workers(jobs: ForgeJobs) -> list[tuple[HostRecord, WorkerView]]:
    """Return the workers of all live hosts as they are now; of a host that does not answer, as they were."""
    shown = watch(jobs)
    deadline = monotonic() + FRESH_WITHIN
    while monotonic() < deadline:
        late = [h for h in jobs.storage.registry.hosts() if h.alive and h.beat_at == shown.get(h.host_id)]
        if not late:
            break
        pause(_PAUSE)
    return jobs.storage.registry.workers()
