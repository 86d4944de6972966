"""``forge-jobs retry``, ``delete``, ``run-now``, ``move``, ``edit`` and ``purge``: changing jobs by id or by filter."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from forge_jobs.errors import UsageError
from forge_jobs.model.states import DELETABLE
from forge_jobs.terminal import echo
from forge_jobs_supervisor.cli.choosing import Chosen, act, choosing, filter_options, sure_options
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up
from forge_jobs_supervisor.cli.enqueue import read_payload
from forge_jobs_supervisor.cli.moments import moment


@click.command()
@choosing
def retry(chosen: Chosen) -> None:
    """Make failed and dead jobs pending again, with a fresh budget of attempts.

    A job whose unique key another live job holds is skipped. Exit code 1 if an id is not found.
    """
    act(chosen, "retry", "retries", "retried", lambda: chosen.jobs.retry(*chosen.ids, **chosen.filters))


@click.command()
@choosing
def delete(chosen: Chosen) -> None:
    """Remove jobs, with their payloads, results and error histories; those that are running are skipped.

    Exit code 1 if an id is not found.
    """
    act(chosen, "delete", "deletes", "deleted", lambda: chosen.jobs.delete(*chosen.ids, **chosen.filters))


@click.command(name="run-now")
@choosing
def run_now(chosen: Chosen) -> None:
    """Let jobs that wait for their time, or for their next attempt, run at once.

    Exit code 1 if an id is not found.
    """
    act(chosen, "run_now", "runs now", "made ready", lambda: chosen.jobs.run_now(*chosen.ids, **chosen.filters))


@click.command()
@click.option("--to", metavar="QUEUE", help="The queue to put them into.")
@choosing
def move(chosen: Chosen, to: str | None) -> None:
    """Put jobs that wait into another queue; they keep their priority and time.

    With ids, --queue may be said for --to. Running and finished jobs are skipped. Exit code 1 if an id is not found.
    """
    if to is None and chosen.ids and "queue" in chosen.filters:
        others = dict(chosen.filters)
        to = others.pop("queue")
        chosen = msgspec.structs.replace(chosen, filters=others)
    if to is None:
        raise UsageError("where to? say --to QUEUE")
    target = to
    act(chosen, "move", f"moves to {to}", "moved", lambda: chosen.jobs.move(*chosen.ids, to=target, **chosen.filters))
    if not any(target in host.queues for host in chosen.jobs.storage.registry.hosts() if host.alive):
        echo(f"warning: no live supervisor serves queue {target}: jobs wait there until one does", err=True)


@click.command()
@click.option("--payload", metavar="JSON|@FILE|-", help="The new arguments, whole; of one job, by its id.")
@click.option("--priority", type=int, help="Lower runs first.")
@click.option("--run-at", metavar="WHEN", help="Not before: +10m, or an ISO 8601 time with its zone.")
@choosing
def edit(chosen: Chosen, payload: str | None, priority: int | None, run_at: str | None) -> None:
    """Change the payload, priority or time of jobs that wait; running and finished ones are skipped.

    Where the application is known (--app, FORGE_APP, pyproject.toml) the payload is checked against its handler.
    Exit code 1 if an id is not found.
    """
    given: dict[str, Any] = {
        "payload": None if payload is None else read_payload(payload),
        "priority": priority,
        "run_at": None if run_at is None else moment(run_at),
    }
    if all(value is None for value in given.values()):
        raise UsageError("what is to be changed? say --payload, --priority or --run-at")
    if payload is not None and len(chosen.ids) != 1:
        raise UsageError("a payload is one job's: name exactly one id")
    act(chosen, "edit", "edits", "edited", lambda: chosen.jobs.edit(*chosen.ids, **given, **chosen.filters))


@click.command()
@filter_options
@sure_options
@json_option
@add_location_options
def purge(
    yes: bool, dry_run: bool, as_json: bool, app_name: str | None, database: str | None, config: str | None,
    **given: str | None,
) -> None:  # fmt: skip
    """Remove all jobs of one state that match, whatever their queue's retention says.

    What has ended is still counted in the statistics of its time. --status must be said.
    """
    if given["status"] is None:
        raise UsageError(f"which jobs? say --status {'|'.join(sorted(DELETABLE))}")
    filters = {name: value for name, value in given.items() if value is not None}
    jobs = looked_up(app_name, database, config)
    chosen = Chosen(jobs=jobs, ids=(), filters=filters, yes=yes, dry_run=dry_run, as_json=as_json)
    act(chosen, "delete", "removes", "removed", lambda: jobs.delete(**filters))
