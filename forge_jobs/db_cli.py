"""The command ``forge-jobs-db``: the database itself."""

from __future__ import annotations

import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click
import msgspec

from forge_jobs.config import Location, locate
from forge_jobs.errors import UsageError, WorkersAlive
from forge_jobs.storage import open_storage
from forge_jobs.terminal import Command, echo, print_json

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="forge-jobs", prog_name="forge-jobs-db")
@click.option("--database", metavar="URL", help="The database, for example sqlite:///queue.sqlite.")
@click.option("--config", metavar="PATH", help="The configuration file to use instead of the one found.")
@click.pass_context
def main(ctx: click.Context, database: str | None, config: str | None) -> None:
    """Create, upgrade, look at, empty or remove the queue's database."""
    ctx.obj = lambda: locate(database, config)


def _opened(ctx: click.Context) -> tuple[Location, Storage]:
    location = ctx.obj()
    return location, open_storage(location.url)


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON with stable field names.")


def _tell(told: str, *, as_json: bool, **facts: object) -> None:
    """Say what was done, to a person or to a program."""
    if as_json:
        print_json(facts)
    else:
        echo(told)


@main.command()
@_json
@click.pass_context
def create(ctx: click.Context, as_json: bool) -> None:
    """Create the database and its schema; harmless where it is there."""
    _location, storage = _opened(ctx)
    created, where = storage.schema.create(), storage.location
    _tell(f"{'created' if created else 'already there:'} {where}", as_json=as_json, location=where, created=created)


@main.command()
@_json
@click.pass_context
def migrate(ctx: click.Context, as_json: bool) -> None:
    """Apply the migrations that are pending."""
    _location, storage = _opened(ctx)
    applied, where = storage.schema.migrate(), storage.location
    told = f"{where}: {'applied ' + ', '.join(applied) if applied else 'nothing to apply'}"
    _tell(told, as_json=as_json, location=where, applied=applied)


@main.command()
@_json
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Say which database this is, its schema version, what is pending and how many jobs it has. Changes nothing."""
    location, storage = _opened(ctx)
    told = storage.schema.describe() | {"origin": location.origin}
    current = bool(told["exists"]) and not told["pending_migrations"]
    counts = storage.operator.counts() if current else {}
    if as_json:
        print_json(told | {"queues": counts})
        return
    for name, value in told.items():
        echo(f"{name + ':':22}{_plain(value)}")
    for queue, count in counts.items():
        echo(
            f"queue {queue}: pending {count.pending}, scheduled {count.scheduled}, in_progress {count.in_progress}, "
            f"done {count.done}, retrying {count.failed}, dead {count.dead}"
        )


@main.command()
@click.option("--from", "source", metavar="URL", required=True, help="The database to copy.")
@click.option("--to", "target", metavar="URL", required=True, help="An empty database; created where there is none.")
@_json
def copy(source: str, target: str, as_json: bool) -> None:
    """Copy all jobs, their histories, the schedules and the queues' settings into an empty database.

    Nobody else can write to either meanwhile, and no supervisor may run. All is copied and verified, or nothing. The
    source is left as it was: stop what enqueues, copy, change the configuration, start again.
    """
    from forge_jobs import moving  # here: the other commands do not need all that it does

    before, after = (open_storage(locate(url).url) for url in (source, target))
    done = moving.copy(before, after, _show_progress if sys.stderr.isatty() else lambda _jobs: None)
    _tell(
        f"copied {done.jobs} jobs, {done.errors} lines of error history, {done.queues} queues and "
        f"{done.schedules} schedules\n"
        f"from {before.location}\nto   {after.location}\nverified: SHA-256 {done.digest}",
        as_json=as_json,
        source=before.location,
        target=after.location,
        **msgspec.structs.asdict(done),
    )


def _show_progress(jobs: int) -> None:
    click.echo(f"\r{jobs:,} jobs", err=True, nl=False)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


def _destructive(command: Any) -> Any:
    """Give a command --yes, --force and --json."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask; for scripts."),
        click.option("--force", is_flag=True, help="Even while live workers are registered."),
        _json,
    ):
        command = option(command)
    return command


@main.command()
@_destructive
@click.pass_context
def reset(ctx: click.Context, yes: bool, force: bool, as_json: bool) -> None:
    """Remove every job, queue setting and registration. The file stays, so live producers go on."""
    _location, storage = _opened(ctx)
    there = bool(storage.schema.describe()["exists"])
    if there:
        _make_sure("reset", storage, yes=yes, force=force)
        storage.schema.reset()
    _tell(
        f"{'reset' if there else 'not there:'} {storage.location}",
        as_json=as_json,
        location=storage.location,
        reset=there,
    )


@main.command()
@_destructive
@click.pass_context
def drop(ctx: click.Context, yes: bool, force: bool, as_json: bool) -> None:
    """Remove the database."""
    _location, storage = _opened(ctx)
    where, dropped = storage.location, False
    if storage.schema.describe()["exists"]:
        _make_sure("drop", storage, yes=yes, force=force)
        dropped = storage.schema.drop()
    _tell(f"{'dropped' if dropped else 'not there:'} {where}", as_json=as_json, location=where, dropped=dropped)


def _make_sure(verb: str, storage: Storage, *, yes: bool, force: bool) -> None:
    """Raise unless the person means it, and nobody works on the database."""
    name = PurePath(storage.location).name
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"refusing to {verb} {storage.location} without a terminal to ask on: pass --yes")
        if (
            click.prompt(
                f"This removes every job in {storage.location}. Type its name ({name}) to {verb} it",
                default="",
                show_default=False,
            )
            != name
        ):
            raise UsageError(f"that is not {name!r}: nothing was changed")
    told = storage.schema.describe()
    if force or not told["exists"] or told["pending_migrations"]:
        return
    alive = [host for host in storage.registry.hosts() if host.alive]
    if alive:
        raise WorkersAlive(
            f"refusing to {verb} {storage.location}: {len(alive)} live supervisor(s) use it "
            f"(pid {', '.join(str(host.pid) for host in alive)}): stop them first, or pass --force"
        )


if __name__ == "__main__":
    main(prog_name="forge-jobs-db")
