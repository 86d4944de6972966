"""``forge-jobs stats``: what happened in the last hour, or whatever is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
import msgspec

from forge_jobs.model.stats import GROUPS, HostStats, Spread, Stats, StatsRow
from forge_jobs.terminal import echo, print_json
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up
from forge_jobs_supervisor.cli.moments import iso, shown, span
from forge_jobs_supervisor.cli.tables import print_table

_NUMBERS = ("enqueued", "started", "done", "failed", "retried", "dead", "cancelled", "crashed")
_MIB = 1024 * 1024


@click.command()
@click.option(
    "--since",
    default="1h",
    show_default=True,
    metavar="AGE",
    help="How far back: 30s, 5m, 2h, 2d, 1w, from the beginning of that minute.",
)
@click.option("--queue", metavar="NAME", help="Only this queue.")
@click.option("--kind", metavar="KIND", help="Only jobs of this kind.")
@click.option(
    "--by",
    multiple=True,
    type=click.Choice(GROUPS),
    help="A row for each; repeatable [default: queue and kind].",
)
@click.option("--hosts", is_flag=True, help="Show what hosts and the database looked like instead.")
@json_option
@add_location_options
def stats(
    since: str,
    queue: str | None,
    kind: str | None,
    by: tuple[str, ...],
    hosts: bool,
    as_json: bool,
    app_name: str | None,
    database: str | None,
    config: str | None,
) -> None:
    """Show what happened: jobs by outcome, how long they waited and ran, and the CPU they used.

    Times are p50/p95/p99, within 5 %. What happened is known for 30 days, by the minute.
    """
    jobs = looked_up(app_name, database, config)
    groups = by or ("queue", "kind")
    found = jobs.stats(since=since, queue=queue, kind=kind, by=groups, hosts=hosts or as_json)
    if as_json:
        print_json({"database": jobs.location.shown, **_as_json(found)})
        return
    echo(f"database {jobs.storage.location}, since {shown(found.since)}")
    if hosts:
        _print_hosts(found.hosts)
    elif not found.rows:
        echo("nothing happened since then")
    else:
        _print_rows(found.rows, groups)


def _as_json(found: Stats) -> dict[str, object]:
    rows = [msgspec.structs.asdict(row) | {"at": iso(row.at)} for row in found.rows]
    hosts = [msgspec.structs.asdict(host) | {"last_at": iso(host.last_at)} for host in found.hosts]
    return {"since": iso(found.since), "until": iso(found.until), "rows": rows, "hosts": hosts}


def _print_rows(rows: Sequence[StatsRow], groups: Sequence[str]) -> None:
    names = [name for name in ("queue", "kind") if name in groups]
    timed = [name for name in groups if name not in ("queue", "kind")]
    columns = [*timed, *names, *_NUMBERS, "done/min", "CPU", "wait", "run"]
    cells = [
        [
            *(shown(row.at)[:-3] for _ in timed),
            *(getattr(row, name) for name in names),
            *(getattr(row, name) for name in _NUMBERS),
            f"{row.done_per_minute:,.1f}",
            span(row.cpu_seconds),
            _times(row.wait),
            _times(row.run),
        ]
        for row in rows
    ]
    print_table(columns, cells, numbers=[*_NUMBERS, "done/min", "CPU"])


def _print_hosts(hosts: Sequence[HostStats]) -> None:
    columns = ["host", "seen", "workers", "running", "CPU %", "machine CPU %", "memory", "database reads", "writes"]
    cells = [
        [
            host.host,
            shown(host.last_at)[:-3],
            _number(host.last, "workers"),
            _number(host.last, "workers_running"),
            _number(host.mean, "cpu_percent"),
            _number(host.mean, "machine_cpu_percent"),
            _size(host.last.get("memory_bytes")),
            _times(host.latency.get("read")),
            _times(host.latency.get("write")),
        ]
        for host in hosts
        if host.host_id
    ]
    print_table(columns, cells, numbers=columns[2:7])
    for host in hosts:
        if not host.host_id:
            told = [f"{name.removesuffix('_bytes')} {_told(name, value)}" for name, value in host.last.items()]
            echo(f"database: {', '.join(told).replace('_', ' ')}")


def _times(spread: Spread | None) -> str:
    return "–" if spread is None else " / ".join(_time(seconds) for seconds in (spread.p50, spread.p95, spread.p99))


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.001 else span(seconds)


def _number(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:,.0f}" if name in values else "–"


def _size(size: float | None) -> str:
    return "–" if size is None else f"{size / _MIB:,.0f} MiB"


def _told(name: str, value: float) -> str:
    return _size(value) if name.endswith("_bytes") else f"{value:,.0f}"
