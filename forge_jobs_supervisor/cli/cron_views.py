"""Schedules as ``forge-jobs cron`` shows them, to people and to programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from forge_jobs.app import ForgeJobs
from forge_jobs.errors import InvalidValue
from forge_jobs.model.crontab import Fire, ScheduleRecord
from forge_jobs.model.schedule import local_time
from forge_jobs.payload import decode_json
from forge_jobs.terminal import echo, print_json
from forge_jobs_supervisor.cli.moments import iso
from forge_jobs_supervisor.cli.tables import print_table


def told(schedule: ScheduleRecord, jobs: ForgeJobs) -> dict[str, Any]:
    """Return a schedule as JSON shows it; the field names are stable."""
    s = schedule
    return {
        "name": s.name,
        "kind": s.kind,
        "expression": s.expression,
        "timezone": s.timezone,
        "enabled": s.enabled,
        "next_fire_at": iso(s.next_fire_at),
        "last_fire_at": iso(s.last_fire_at),
        "last_error": s.last_error,
        "payload": decode_json(s.payload),
        "queue": s.queue,
        "priority": s.priority,
        "max_attempts": s.max_attempts,
        "overlap": s.overlap,
        "misfire": s.misfire,
        "jitter": s.jitter,
        "source": _source(s, jobs),
        "created_at": iso(s.created_at),
        "updated_at": iso(s.updated_at),
    }


def _source(schedule: ScheduleRecord, jobs: ForgeJobs) -> str:
    """Return who made a schedule: an operator, the code, or code that is known to declare it no more."""
    if schedule.declared is None:
        return "operator"
    return "former code" if jobs.handlers and schedule.name not in jobs.cron.names else "code"


def print_schedules(schedules: Sequence[ScheduleRecord], jobs: ForgeJobs) -> None:
    """Print one line for each schedule."""
    columns = ["name", "kind", "expression", "zone", "next fire", "last fire", "source", "error"]
    rows = [
        [s.name, s.kind, s.expression, s.timezone, _local(s.next_fire_at, s) if s.enabled else "disabled",
         _local(s.last_fire_at, s), _source(s, jobs), s.last_error or ""]
        for s in schedules
    ]  # fmt: skip
    print_table(columns, rows)


def print_schedule(schedule: ScheduleRecord, jobs: ForgeJobs) -> None:
    """Print one schedule, whole."""
    for name, value in told(schedule, jobs).items():
        if value is not None:
            echo(f"{name + ':':22}{value}")


def print_fires(fires: Sequence[Fire], *, quiet: bool = False) -> list[dict[str, Any]]:
    """Print the fires of a schedule and what became of each; return them as JSON shows them."""
    for fire in [] if quiet else fires:
        why = "" if fire.outcome == "fired" else " (live then)" if fire.job_id else "no host ran in time"
        echo(f"{iso(fire.fire_at):28}{fire.outcome:8} {fire.job_id or ''}{why}")
    return [{"fire_at": iso(fire.fire_at), "outcome": fire.outcome, "job_id": fire.job_id} for fire in fires]


def print_next(schedule: ScheduleRecord, instants: Sequence[int], *, as_json: bool) -> None:
    """Print when a schedule fires, in its zone's time and in UTC."""
    times = [(local_time(instant, schedule.timezone), iso(instant)) for instant in instants]
    if as_json:
        print_json(
            {
                "name": schedule.name,
                "timezone": schedule.timezone,
                "enabled": schedule.enabled,
                "next": [{"local": local.isoformat(), "utc": utc} for local, utc in times],
            }
        )
        return
    print_table([f"local ({schedule.timezone})", "UTC"], [[_zoned(local), utc] for local, utc in times])
    if not schedule.enabled:
        echo(f"{schedule.name} is disabled: it would fire then", err=True)


def _local(instant: int | None, schedule: ScheduleRecord) -> str:
    if instant is None:
        return "–"
    try:
        return _zoned(local_time(instant, schedule.timezone))
    except InvalidValue:  # a row that was written by hand
        return str(iso(instant))


def _zoned(local: datetime) -> str:
    return f"{local:%a %Y-%m-%d %H:%M:%S %Z}"
