"""``forge-jobs jobs`` and ``show``: looking jobs up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from forge_jobs.client import Job
from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import PayloadError
from forge_jobs.model.job import ErrorEntry, JobRecord
from forge_jobs.model.states import Status
from forge_jobs.model.stops import mebibytes
from forge_jobs.terminal import echo, print_json
from forge_jobs_supervisor.cli.choosing import filter_options
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up
from forge_jobs_supervisor.cli.moments import iso, shown, span
from forge_jobs_supervisor.cli.tables import print_table


@click.command(name="jobs")
@filter_options
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option(
    "--before", type=click.IntRange(1, 2**63 - 1), metavar="CURSOR", help="Go on after the page that gave this cursor."
)
@json_option
@add_location_options
def list_jobs(
    limit: int, before: int | None, as_json: bool,
    app_name: str | None, database: str | None, config: str | None, **filters: Any,
) -> None:  # fmt: skip
    """List jobs, newest first."""
    page = looked_up(app_name, database, config).list(limit=limit, before=before, **filters)
    if as_json:
        print_json({"jobs": [summary(job) for job in page], "next": page.next})
        return
    columns = ["id", "kind", "queue", "status", "attempts", "last error"]
    rows = [
        [job.id, job.kind, job.queue, _status(job), f"{job.attempts}/{job.max_attempts}", _last_error(job)]
        for job in page
    ]
    print_table(columns, rows, numbers=("attempts",))
    if page.next is not None:
        echo(f"more with --before {page.next}")


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
@add_location_options
def show(job_id: str, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Show one job, whole: its payload, its result, how each attempt ended."""
    job = looked_up(app_name, database, config).get(job_id)
    if as_json:
        print_json(whole(job))
        return
    for name, value in whole(job).items():
        if name == "error_history":
            _print_history(job)
        elif value is not None:
            echo(f"{name + ':':22}{mebibytes(value) if name == 'peak_memory' else value}")


def summary(job: Job) -> dict[str, Any]:
    """Return a job as ``jobs --json`` prints it; the field names are stable."""
    record = job.record
    return {
        "id": job.id,
        "kind": job.kind,
        "queue": job.queue,
        "status": job.status,
        "priority": job.priority,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "unique_key": job.unique_key,
        "enqueued_at": iso(record.enqueued_at),
        "scheduled_at": iso(record.scheduled_at),
        "started_at": iso(record.started_at),
        "finished_at": iso(record.finished_at),
        "cancel_requested_at": iso(record.cancel_requested_at),
        "expires_at": iso(record.expires_at),
        "time_limit_seconds": _seconds(record.time_limit),
        "wall_seconds": _seconds(_wall(record)),
        "cpu_seconds": _seconds(record.cpu_time),
        "peak_memory": record.peak_memory,
        "last_error": record.error_history[-1].message if record.error_history else None,
    }


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / MICROSECONDS


def _wall(record: JobRecord) -> int | None:
    """Return how long the last attempt took, once the job has ended."""
    if record.started_at is None or record.finished_at is None:
        return None
    return record.finished_at - record.started_at


def whole(job: Job) -> dict[str, Any]:
    """Return a job as ``show --json`` prints it."""
    return summary(job) | {
        "payload": _read(lambda: job.payload),
        "value": _read(lambda: job.value),
        "error_history": [_entry(entry) for entry in job.error_history],
    }


def _read(stored: Callable[[], Any]) -> Any:
    """Return what is stored; of what a hand has damaged, so much: the rest of the job is to be seen."""
    try:
        return stored()
    except PayloadError as error:
        return f"({error})"


def _entry(entry: ErrorEntry) -> dict[str, Any]:
    told = {name: getattr(entry, name) for name in entry.__struct_fields__}
    return told | {"at": iso(entry.at)}


def _status(job: Job) -> str:
    return "retrying" if job.status is Status.FAILED else job.status.value


def _last_error(job: Job) -> str:
    if not job.error_history:
        return ""
    return job.error_history[-1].message.replace("\n", " ")


def _print_history(job: Job) -> None:
    for entry in job.error_history:
        where = f" on {entry.host} (pid {entry.pid})" if entry.host else ""
        echo(f"attempt {entry.attempt} at {shown(entry.at)}{where}: {entry.cause}: {entry.message}")
        used = _used(entry)
        if used:
            echo(f"    {used}")
        if entry.traceback:
            echo("    " + entry.traceback.rstrip().replace("\n", "\n    "))


def _used(entry: ErrorEntry) -> str:
    told = []
    if entry.wall_seconds is not None:
        told.append(f"wall {span(entry.wall_seconds)}")
    if entry.cpu_seconds is not None:
        told.append(f"CPU {span(entry.cpu_seconds)}")
    if entry.peak_memory is not None:
        told.append(f"peak memory {mebibytes(entry.peak_memory)}")
    return ", ".join(told)
