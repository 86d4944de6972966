"""``forge-jobs why``: why a job waits, where it runs, or how each of its attempts ended."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from forge_jobs.model.states import Status
from forge_jobs.model.why import Why
from forge_jobs.terminal import echo, print_json
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up
from forge_jobs_supervisor.cli.moments import iso, shown

_SHOWN = {Status.PENDING: "waits", Status.FAILED: "waits for its next attempt", Status.IN_PROGRESS: "runs"}


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
@add_location_options
def why(job_id: str, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Say why a job waits, where it runs, or how each attempt ended; and what to do about it."""
    answer = looked_up(app_name, database, config).why(job_id)
    if as_json:
        print_json(_whole(answer))
        return
    echo(f"job {answer.id} of kind {answer.kind} in queue {answer.queue} {_SHOWN.get(answer.status, 'has ended')}")
    for reason in answer.reasons:
        echo(f"- {reason.told}")
        if reason.way_out is not None:
            echo(f"    do: {reason.way_out}")
    for attempt in answer.attempts:
        told = attempt.told.replace("\n", "\n    ")
        which = f"attempt {attempt.attempt}" if attempt.attempt else "before any attempt,"
        echo(f"{which} at {shown(attempt.at)}: {told}")


def _whole(answer: Why) -> dict[str, Any]:
    attempts = [msgspec.structs.asdict(attempt) | {"at": iso(attempt.at)} for attempt in answer.attempts]
    return msgspec.structs.asdict(answer) | {"attempts": attempts}
