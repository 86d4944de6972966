"""``forge-jobs limits``: rate limits, and how the places of kinds are given out."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from forge_jobs.app import ForgeJobs
from forge_jobs.clock import Clock
from forge_jobs.model.limits import Bucket, Places
from forge_jobs.terminal import echo, print_json
from forge_jobs_supervisor.cli.common import add_location_options, go_on, json_option, looked_up
from forge_jobs_supervisor.cli.moments import iso, shown
from forge_jobs_supervisor.cli.tables import print_table

COUNTED = 10_000
"""How far waiting jobs are counted."""


@click.group()
def limits() -> None:
    """Show and set rate limits; show how many jobs of each kind with limits run and wait."""


@limits.command(name="list")
@json_option
@add_location_options
def list_limits(as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Show every rate limit, and every kind with limits."""
    storage = looked_up(app_name, database, config).storage
    buckets, places, clock = storage.limits.rate_limits(), storage.limits.places(COUNTED), storage.clock
    if as_json:
        print_json({"rate_limits": [_bucket(b, clock) for b in buckets], "kinds": [_places(p) for p in places]})
        return
    if buckets:
        rows = [
            [b.scope, f"{b.capacity:g}", f"{b.refill * 60:g}", f"{b.available(clock.now()):.1f}", _drained(b, clock)]
            for b in buckets
        ]
        columns = ["rate limit", "capacity", "per minute", "tokens", "drained until"]
        print_table(columns, rows, numbers=columns[1:4])
    if places:
        columns = ["kind", "max running", "per key", "key", "rate limit", "running", "ready", "waiting"]
        print_table(columns, [_row(p) for p in places], numbers=("max running", "per key", *columns[5:]))
    if not buckets and not places:
        echo("there are no limits")


@limits.command(name="set")
@click.argument("scope")
@click.option("--capacity", type=float, required=True, help="How many tokens the bucket holds at most.")
@click.option("--per-second", type=float, help="How many it gets in a second,")
@click.option("--per-minute", type=float, help="or in a minute,")
@click.option("--per-hour", type=float, help="or in an hour,")
@click.option("--per-day", type=float, help="or in a day.")
@json_option
@add_location_options
def set_limit(
    scope: str, capacity: float, as_json: bool, app_name: str | None, database: str | None, config: str | None,
    **per: float | None,
) -> None:  # fmt: skip
    """Create or change a rate limit. What the code declares holds again when the code changes."""
    jobs = looked_up(app_name, database, config)
    jobs.limiter.set(scope, capacity=capacity, **per)
    _tell(jobs, scope, f"rate limit {scope} is set", as_json=as_json)


@limits.command()
@click.argument("scope")
@click.option("--retry-after", type=float, default=0.0, metavar="SECONDS", help="Refill it only from then on.")
@json_option
@add_location_options
def drain(
    scope: str, retry_after: float, as_json: bool, app_name: str | None, database: str | None, config: str | None
) -> None:
    """Empty a rate limit for everybody, as after an answer 429."""
    jobs = looked_up(app_name, database, config)
    jobs.limiter.drain(scope, retry_after)
    _tell(jobs, scope, f"rate limit {scope} is drained", as_json=as_json)


@limits.command()
@click.argument("scope")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@json_option
@add_location_options
def delete(
    scope: str, yes: bool, as_json: bool, app_name: str | None, database: str | None, config: str | None
) -> None:
    """Remove a rate limit, and the scopes that have its settings. Kinds that it limits wait until it is there again."""
    jobs = looked_up(app_name, database, config)
    if not yes:
        go_on(f"this removes the rate limit {scope}, and the scopes that have its settings")
    jobs.limiter.delete(scope)
    if as_json:
        print_json({"deleted": scope})
    else:
        echo(f"rate limit {scope} is removed")


def _tell(jobs: ForgeJobs, scope: str, told: str, *, as_json: bool) -> None:
    if as_json:
        print_json(next(_bucket(b, jobs.storage.clock) for b in jobs.limiter.all() if b.scope == scope))
    else:
        echo(told)


def _bucket(bucket: Bucket, clock: Clock) -> dict[str, Any]:
    told = msgspec.structs.asdict(bucket) | {"tokens": bucket.available(clock.now())}
    return told | {"refilled_at": iso(bucket.refilled_at)}


def _places(places: Places) -> dict[str, Any]:
    told = msgspec.structs.asdict(places)
    rules: dict[str, Any] = msgspec.structs.asdict(told.pop("rules"))
    del rules["events"]
    return rules | told


def _drained(bucket: Bucket, clock: Clock) -> str:
    return shown(bucket.refilled_at) if bucket.refilled_at > clock.now() else "–"


def _row(places: Places) -> list[object]:
    rules = places.rules
    return [
        rules.kind,
        *("–" if value is None else value for value in (rules.max_running, rules.max_running_per_key)),
        rules.concurrency_key or "–",
        ", ".join(rules.rate_limits) or "–",
        places.running,
        places.ready,
        f"{places.waiting}+" if places.waiting == COUNTED else places.waiting,
    ]
