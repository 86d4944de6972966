"""``forge-jobs cancel``: stop jobs for good."""

from __future__ import annotations

import sys

import click

from forge_jobs.client import Cancelled
from forge_jobs.errors import UsageError
from forge_jobs.model.states import Status
from forge_jobs.terminal import FAILURE, print_json
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up

_SHOWN = {"already_finished": "already finished", "not_found": "not found"}


@click.command()
@click.argument("job_ids", nargs=-1, metavar="[ID]...")
@click.option("--status", type=click.Choice([s.value for s in Status]), help="Only jobs in this state.")
@click.option("--queue", help="Only jobs of this queue.")
@click.option("--kind", help="Only jobs of this kind.")
@json_option
@add_location_options
def cancel(
    job_ids: tuple[str, ...], status: str | None, queue: str | None, kind: str | None, as_json: bool,
    app_name: str | None, database: str | None, config: str | None,
) -> None:  # fmt: skip
    """Stop jobs for good: those named, or all that match and have not finished.

    A job that has not begun never will ("cancelled"). One that is running is asked to stop ("requested"): an exception
    is raised in its handler, and its worker is killed when the handler's grace is over.

    Exit code 1 if an id is not found.
    """
    if not job_ids and status is None and queue is None and kind is None:
        raise UsageError("which jobs? name ids, or say --queue, --kind or --status")
    done = looked_up(app_name, database, config).cancel(*job_ids, status=status, queue=queue, kind=kind)
    if as_json:
        print_json(done)
    elif job_ids:
        for name in Cancelled.__struct_fields__:
            for job_id in getattr(done, name):
                click.echo(f"{job_id} {_SHOWN.get(name, name)}")
    else:
        click.echo(
            f"cancelled {len(done.cancelled)}, requested {len(done.requested)}, "
            f"already finished {len(done.already_finished)}"
        )
    if done.not_found:
        sys.exit(FAILURE)
