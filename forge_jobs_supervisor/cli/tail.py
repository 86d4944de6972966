"""``forge-jobs tail``: what happens to jobs, as it happens."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from forge_jobs.app import ForgeJobs
from forge_jobs.clock import MICROSECONDS, pause
from forge_jobs.errors import DatabaseError
from forge_jobs.following import Follower
from forge_jobs.model.durations import checked_duration, span
from forge_jobs.model.happenings import NAMES, Happening
from forge_jobs.model.names import checked_kind, checked_queue
from forge_jobs.model.states import Status
from forge_jobs.showing import in_json, one_line
from forge_jobs.terminal import echo
from forge_jobs_supervisor.cli.common import add_location_options, looked_up
from forge_jobs_supervisor.cli.moments import iso, shown

EVERY = 0.5
WITHOUT_DATABASE = 1.0
_LONGEST = 200
_COLOURS = {Status.DONE: "green", Status.FAILED: "yellow", Status.DEAD: "red", Status.IN_PROGRESS: "cyan"}


@click.command()
@click.option("--queue", help="Only jobs of this queue.")
@click.option("--kind", help="Only jobs of this kind.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice([s.value for s in Status]),
    multiple=True,
    help="Only when a job comes to this state; may be said several times.",
)
@click.option("--since", metavar="AGE", help="Begin with what happened so long ago, for example 5m [default: now].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on each line, with stable field names.")
@add_location_options
def tail(
    queue: str | None, kind: str | None, statuses: tuple[str, ...], since: str | None, as_json: bool,
    app_name: str | None, database: str | None, config: str | None,
) -> None:  # fmt: skip
    """Follow what happens: jobs enqueued, started, done, failed (to be tried again), dead.

    Twice a second the database is looked at; no farm has to do anything for it. What begins and ends between two looks
    is told by its end alone. While the database is away it waits. Ctrl-C leaves.
    """
    jobs = looked_up(app_name, database, config)
    age = None if since is None else checked_duration(since, "since")
    follower = Follower(
        jobs.storage,
        since=None if age is None else jobs.storage.clock.now() - age,
        queue=None if queue is None else checked_queue(queue),
        kind=None if kind is None else checked_kind(kind),
        statuses=[Status(status) for status in statuses],
    )
    try:
        _follow(jobs, follower, as_json=as_json)
    except KeyboardInterrupt:
        return


def _follow(jobs: ForgeJobs, follower: Follower, *, as_json: bool) -> None:
    away = False
    while True:
        try:
            happenings, more = follower.look()
        except DatabaseError as error:
            if not away:
                echo(f"forge-jobs: {error}; waiting for it", err=True)
            away = True
            jobs.close()
            pause(WITHOUT_DATABASE)
            continue
        if away:
            echo("forge-jobs: the database is back", err=True)
            away = False
        for happening in happenings:
            click.echo(_json(happening) if as_json else _line(happening))
        if not more:
            pause(EVERY)


def _json(happening: Happening) -> str:
    return in_json(msgspec.json.encode(_whole(happening)).decode())


def _whole(happening: Happening) -> dict[str, Any]:
    job = happening.job
    return {
        "event": happening.name,
        "at": iso(happening.at),
        "id": job.id,
        "kind": job.kind,
        "queue": job.queue,
        "status": happening.status,
        "attempt": job.attempt,
        "wall_seconds": _wall(happening),
        "next_at": iso(job.next_at),
        "cause": None if job.error is None else job.error.cause,
        "message": None if job.error is None else job.error.message,
    }


def _wall(happening: Happening) -> float | None:
    """Return how long the last attempt took, of a job that has ended."""
    started_at = happening.job.started_at
    if started_at is None or happening.status not in (Status.DONE, Status.DEAD):
        return None
    return max(happening.at - started_at, 0) / MICROSECONDS


def _line(happening: Happening) -> str:
    job = happening.job
    name = click.style(f"{NAMES[happening.status]:8}", fg=_COLOURS.get(happening.status))
    told = [job.id, job.kind, f"in {job.queue}"]
    if happening.status is not Status.PENDING:
        told.append(f"attempt {job.attempt}")
    wall = _wall(happening)
    if wall is not None and happening.status is Status.DONE:
        told.append(f"in {span(wall)}")
    line = " ".join(told)
    if job.error is not None:
        line += f": {job.error.cause}: {job.error.message}".replace("\n", " ")[:_LONGEST]
    if happening.status is Status.FAILED and job.next_at is not None:
        line += f"; again at {shown(job.next_at)}"
    return f"{shown(happening.at)} {name} {one_line(line)}"
