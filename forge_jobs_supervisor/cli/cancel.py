"""``forge-jobs cancel``: stop jobs for good."""

from __future__ import annotations

import sys

import click

from forge_jobs.errors import UsageError
from forge_jobs.terminal import FAILURE, echo, print_json
from forge_jobs.verbs import Cancelled
from forge_jobs_supervisor.cli.choosing import Chosen, choosing, make_sure

_SHOWN = {"already_finished": "already finished", "not_found": "not found"}


@click.command()
@choosing
def cancel(chosen: Chosen) -> None:
    """Stop jobs for good: those named, or all that match and have not finished.

    A job that has not begun never will ("cancelled"). One that is running is asked to stop ("requested"): an exception
    is raised in its handler, and its worker is killed when the handler's grace is over.

    Exit code 1 if an id is not found.
    """
    if chosen.ids and chosen.dry_run:
        raise UsageError("--dry-run counts what filters match: with ids, look with forge-jobs show ID")
    if not chosen.ids and not make_sure(chosen, "cancel", "cancels"):
        return
    done = chosen.jobs.cancel(*chosen.ids, **chosen.filters)
    if chosen.as_json:
        print_json(done)
    elif chosen.ids:
        for name in Cancelled.__struct_fields__:
            for job_id in getattr(done, name):
                echo(f"{job_id} {_SHOWN.get(name, name)}")
    else:
        echo(
            f"cancelled {len(done.cancelled)}, requested {len(done.requested)}, "
            f"already finished {len(done.already_finished)}"
        )
    if done.not_found:
        sys.exit(FAILURE)
