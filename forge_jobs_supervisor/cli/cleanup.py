"""``forge-jobs cleanup``: retention, now."""

from __future__ import annotations

from collections import Counter

import click

from forge_jobs.terminal import echo, print_json
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up


@click.command()
@click.option("--queue", help="Only jobs of this queue.")
@json_option
@add_location_options
def cleanup(queue: str | None, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Remove the finished jobs that their queue keeps no longer, and say how many went.

    A running farm does that by itself, every minute. What is kept: forge-jobs queues, forge-jobs queue set.
    """
    gone: Counter[tuple[str, str]] = Counter()
    for part in looked_up(app_name, database, config).clean(queue):
        gone.update(part)
    if as_json:
        print_json({"removed": [{"queue": q, "status": s, "jobs": jobs} for (q, s), jobs in sorted(gone.items())]})
        return
    for (name, status), jobs in sorted(gone.items()):
        echo(f"queue {name}: removed {jobs:,} {status}")
    if not gone:
        echo("nothing to remove")
