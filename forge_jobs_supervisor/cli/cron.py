"""``forge-jobs cron``: what an operator does with schedules."""

from __future__ import annotations

from typing import Any

import click

from forge_jobs.app import ForgeJobs
from forge_jobs.errors import UsageError
from forge_jobs.model.crontab import KEPT_FIRES, Misfire, Overlap
from forge_jobs.model.schedule import Cron
from forge_jobs.showing import quoted
from forge_jobs.terminal import echo, print_json
from forge_jobs_supervisor.cli.common import add_location_options, go_on, json_option, looked_up, opened
from forge_jobs_supervisor.cli.cron_views import print_fires, print_next, print_schedule, print_schedules, told
from forge_jobs_supervisor.cli.enqueue import check_kind, read_payload


@click.group()
def cron() -> None:
    """Look at schedules, make them and change them; the host that leads follows within a second."""


def _add_schedule_options(command: Any) -> Any:
    """Give a command what may be said of a schedule besides its name, expression and kind."""
    for option in (
        click.option("--payload", metavar="JSON|@FILE|-", help="The arguments as a JSON object."),
        click.option("--queue", help="The queue of its jobs [default: the handler's own]."),
        click.option("--priority", type=int, help="Of its jobs: lower runs first."),
        click.option("--max-attempts", type=int, help="After how many attempts a job ends dead."),
        click.option("--timezone", metavar="ZONE", help="An IANA name such as Europe/Berlin [default: UTC]."),
        click.option("--overlap", type=click.Choice([o.value for o in Overlap]), help="While an earlier job is live."),
        click.option("--misfire", type=click.Choice([m.value for m in Misfire]), help="When no host ran in time."),
        click.option("--jitter", type=float, metavar="SECONDS", help="Spread the jobs over so many seconds."),
    ):
        command = option(command)
    return command


@cron.command(name="list")
@json_option
@add_location_options
def list_schedules(as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """List the schedules, and when each fires next."""
    jobs = looked_up(app_name, database, config)
    found = jobs.cron.all()
    if as_json:
        print_json({"schedules": [told(schedule, jobs) for schedule in found]})
    else:
        print_schedules(found, jobs)


@cron.command()
@click.argument("name")
@click.option("--fires", "number", type=click.IntRange(0, KEPT_FIRES), default=10, show_default=True, metavar="N")
@json_option
@add_location_options
def show(name: str, number: int, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Show one schedule, whole, and its last fires with the ids of their jobs."""
    jobs = looked_up(app_name, database, config)
    schedule = jobs.cron.get(name)
    fires = jobs.cron.fires(name, number)
    if as_json:
        print_json(told(schedule, jobs) | {"fires": print_fires(fires, quiet=True)})
        return
    print_schedule(schedule, jobs)
    print_fires(fires)


@cron.command()
@click.argument("name")
@click.argument("expression")
@click.option("--kind", help="What its jobs run [default: NAME].")
@_add_schedule_options
@json_option
@add_location_options
def add(
    name: str, expression: str, kind: str | None, payload: str | None, as_json: bool,
    app_name: str | None, database: str | None, config: str | None, **given: Any,
) -> None:  # fmt: skip
    """Make a schedule, for example: add nightly "0 3 * * *" --kind report --timezone Europe/Berlin."""
    jobs = opened(app_name, database, config)
    options = _given(given | {"payload": None if payload is None else read_payload(payload)})
    Cron(expression, options.get("timezone", "UTC"))  # before a name that is not a kind is told of
    check_kind(jobs, kind or name)
    _print(jobs, jobs.cron.add(name, expression, kind or name, **options), as_json=as_json)


@cron.command(name="set")
@click.argument("name")
@click.option("--expression", metavar="CRON", help='When it fires, for example "*/15 * * * *".')
@click.option("--kind", help="What its jobs run.")
@_add_schedule_options
@json_option
@add_location_options
def set_schedule(
    name: str, payload: str | None, as_json: bool,
    app_name: str | None, database: str | None, config: str | None, **given: Any,
) -> None:  # fmt: skip
    """Change a schedule. What the code declares comes back only when the code says something new."""
    changes = _given(given | {"payload": None if payload is None else read_payload(payload)})
    if not changes:
        raise UsageError("nothing to set: see forge-jobs cron set --help")
    looked_up(app_name, database, config)
    jobs = opened(app_name, database, config)
    if "kind" in changes:
        check_kind(jobs, changes["kind"])
    _print(jobs, jobs.cron.change(name, **changes), as_json=as_json)


@cron.command()
@click.argument("name")
@json_option
@add_location_options
def enable(name: str, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Let a schedule fire again, from now on; what it missed is not caught up."""
    jobs = looked_up(app_name, database, config)
    _print(jobs, jobs.cron.enable(name), as_json=as_json)


@cron.command()
@click.argument("name")
@json_option
@add_location_options
def disable(name: str, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Let a schedule not fire until it is enabled, whatever the code declares."""
    jobs = looked_up(app_name, database, config)
    _print(jobs, jobs.cron.disable(name), as_json=as_json)


@cron.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@json_option
@add_location_options
def delete(name: str, yes: bool, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Remove a schedule and its history; its jobs stay. One that the code declares comes back: disable that."""
    jobs = looked_up(app_name, database, config)
    schedule = jobs.cron.get(name)
    if not yes:
        back = "; the code declares it, so it comes back when a supervisor starts" if schedule.declared else ""
        go_on(f"this removes the schedule {quoted(name)} ({schedule.expression}){back}")
    jobs.cron.remove(name)
    if as_json:
        print_json({"deleted": name})
    else:
        echo(f"deleted {name}")


@cron.command()
@click.argument("name")
@json_option
@add_location_options
def trigger(name: str, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Make the schedule's job now and print its id; its times stay as they are."""
    job = looked_up(app_name, database, config).cron.trigger(name)
    if as_json:
        print_json({"id": job.id, "deduplicated": job.deduplicated})
        return
    echo(job.id)
    if job.deduplicated:
        echo(f'nothing new: that job of {name} is live, and its overlap is "skip"', err=True)


@cron.command(name="next")
@click.argument("name")
@click.option("-n", "number", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many.")
@json_option
@add_location_options
def next_fires(
    name: str, number: int, as_json: bool, app_name: str | None, database: str | None, config: str | None
) -> None:
    """Print when a schedule fires next: in its zone's time, and in UTC."""
    jobs = looked_up(app_name, database, config)
    schedule = jobs.cron.get(name)
    print_next(schedule, jobs.cron.next(name, number), as_json=as_json)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _print(jobs: ForgeJobs, schedule: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(told(schedule, jobs))
    else:
        print_schedules([schedule], jobs)
