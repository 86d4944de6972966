"""``forge-jobs status``, ``queues`` and ``workers``: what is going on, at a glance."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from forge_jobs.clock import SystemClock
from forge_jobs.storage.records import HostRecord, WorkerView
from forge_jobs.terminal import echo, print_json
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up
from forge_jobs_supervisor.cli.moments import iso, span
from forge_jobs_supervisor.cli.tables import print_queues, print_table

_COUNTS = ("pending", "scheduled", "in_progress", "held", "done", "failed", "dead", "workers")
_SHOWN_AS = {"failed": "retrying"}


@click.command()
@json_option
@add_location_options
def status(as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Show how many jobs each queue has in each state, and what nobody serves, and what slows the database."""
    jobs = looked_up(app_name, database, config)
    counts = jobs.counts()
    unserved, troubles = jobs.storage.upkeep.unserved(), jobs.storage.upkeep.troubles()
    if as_json:
        print_json({"database": jobs.location.shown, "queues": counts, "unserved": unserved, "troubles": troubles})
        return
    echo(f"database {jobs.storage.location}")
    columns = ["queue", *(_SHOWN_AS.get(c, c) for c in _COUNTS), "oldest"]
    rows = [
        [
            f"{name} (paused)" if queue.paused else name,
            *(getattr(queue, c) for c in _COUNTS),
            span(queue.oldest_ready_seconds),
        ]
        for name, queue in counts.items()
    ]
    print_table(columns, rows, numbers=columns[1:])
    for trouble in troubles:
        echo(f"warning: {trouble.told}")
    for item in unserved:
        echo(f"unserved: {item.jobs} of kind {item.kind} in queue {item.queue}: {item.reason}")


@click.command()
@json_option
@add_location_options
def queues(as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Show the settings of each queue."""
    jobs = looked_up(app_name, database, config)
    settings = jobs.queues()
    if as_json:
        print_json({"queues": settings})
        return
    print_queues(settings)


@click.command()
@json_option
@add_location_options
def workers(as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Show the live hosts and what each of their workers did at the last beat (every 2 s)."""
    jobs = looked_up(app_name, database, config)
    registry = jobs.storage.registry
    hosts, views = registry.hosts(), registry.workers()
    if as_json:
        print_json({"hosts": [_host(h) for h in hosts], "workers": [_worker(h, w) for h, w in views]})
        return
    now = SystemClock().now()
    for host in hosts:
        alive = f"beat {span(max(now - host.beat_at, 0) / 1e6)} ago" if host.alive else "gone"
        version = f" version {host.version}" if host.version else ""
        echo(f"host {host.label} (pid {host.pid}, id {host.host_id}){version}: {alive}")
    columns = ["worker", "pid", "state", "job", "kind", "for", "held", "done", "progress"]
    rows = [
        [f"{w.queue} #{w.number}", w.pid, w.state, w.job_id or "–", w.kind or "–", span(w.running_seconds), w.held,
         w.jobs_done, _progress(w.progress_done, w.progress_total, w.progress_note)]
        for _host, w in views
    ]  # fmt: skip
    if rows:
        print_table(columns, rows, numbers=("pid", "held", "done"))


def _host(host: HostRecord) -> dict[str, Any]:
    told = msgspec.structs.asdict(host) | {"started_at": iso(host.started_at), "beat_at": iso(host.beat_at)}
    del told["life_lock"]
    return told


def _worker(host: HostRecord, worker: WorkerView) -> dict[str, Any]:
    # as text: many readers of JSON round numbers of more than 53 bits
    return {"host_id": host.host_id, **msgspec.structs.asdict(worker), "process_id": str(worker.process_id)}


def _progress(done: int | None, total: int | None, note: str | None) -> str:
    if done is None:
        return "–"
    told = f"{done}/{total} ({done / total:.0%})" if total else str(done)
    return f"{told} {note}" if note else told
