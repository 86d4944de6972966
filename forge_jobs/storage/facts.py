"""What both kinds of database read about one job, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from forge_jobs.model.job import JobRecord
from forge_jobs.model.limits import Limited
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Gate, Status
from forge_jobs.model.why import Facts, Holder, HostSeen, WorkerSeen
from forge_jobs.storage.admission import Tables, buckets, kind_rules
from forge_jobs.storage.records import HostRecord, WorkerView

SHOWN_HOLDERS = 5
Boards = Sequence[tuple[HostRecord, Sequence[WorkerView]]]


def facts_of(
    job: JobRecord, now: int, settings: QueueSettings | None, boards: Boards, process: Any, before: int,
    limited: Limited | None,
) -> Facts:  # fmt: skip
    """Return the facts; ``process`` is the row of the worker whose process id the job bears: host id, number, pid."""
    live = [(host, workers) for host, workers in boards if host.alive]
    return Facts(
        job=job,
        now=now,
        settings=settings,
        hosts=[HostSeen(label=h.label, queues=h.queues, kinds=h.kinds, alive=h.alive) for h, _workers in boards],
        workers=[_worker(host, worker) for host, workers in live for worker in workers],
        before=before,
        holder=None if process is None or job.status is not Status.IN_PROGRESS else _holder(job, boards, process),
        limited=limited,
    )


def _worker(host: HostRecord, worker: WorkerView) -> WorkerSeen:
    return WorkerSeen(
        host=host.label,
        queue=worker.queue,
        number=worker.number,
        pid=worker.pid,
        idle=worker.state == "idle",
        job_id=worker.job_id,
        progress=_progress(worker),
    )


def _holder(job: JobRecord, boards: Boards, process: Any) -> Holder:
    host_id, number, pid = process
    of = {host.host_id: (host, workers) for host, workers in boards}
    host, workers = of.get(host_id, (None, ()))
    view = next((worker for worker in workers if worker.process_id == job.process_id), None)
    here = view is not None and view.job_id == job.id
    return Holder(
        host=host_id if host is None else host.label,
        number=number,
        pid=pid,
        alive=host is not None and host.alive,
        progress=_progress(view) if view is not None and here else None,
        runs_another=view is not None and view.job_id is not None and not here and view.held > 0,
    )


def _progress(worker: WorkerView) -> str | None:
    if worker.progress_done is None:
        return None
    total = worker.progress_total
    told = f"{worker.progress_done} of {total} ({worker.progress_done / total:.0%})" if total else worker.progress_done
    return f"progress {told}" + (f" {worker.progress_note}" if worker.progress_note else "")


def limited_of(tables: Tables, connection: Any, job: JobRecord, read_id: Callable[[Any], str]) -> Limited | None:
    """Return what holds up a job that waits for a place, None for any other job."""
    if job.gate not in (Gate.FOR_KEY, Gate.FOR_KIND):
        return None
    rules = kind_rules(tables, connection, job.kind)
    if job.gate is Gate.FOR_KEY:
        held = tables.run(connection, "key_holders", (job.kind, job.limit_key, SHOWN_HOLDERS))
        return Limited(rules=rules, holders=[read_id(job_id) for (job_id,) in held])
    held = tables.run(connection, "kind_holders", (job.kind, SHOWN_HOLDERS))
    ((taken, _ready),) = tables.run(connection, "count_limited", (job.kind,))
    return Limited(
        rules=rules,
        holders=[read_id(job_id) for (job_id,) in held],
        taken=taken,
        buckets=buckets(tables, connection, rules.rate_limits) if rules.rate_limits else (),
    )
