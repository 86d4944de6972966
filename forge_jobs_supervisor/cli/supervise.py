"""``forge-jobs supervise``: its options. What it does is in ``farming``, which is imported when it is done."""

from __future__ import annotations

from typing import Any

import click

from forge_jobs_supervisor import log
from forge_jobs_supervisor.cli.common import MAX_WORKERS, app_option, config_option, database_option


@click.command()
@app_option
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    help="Workers for each queue [default: the CPUs this process may use].",
)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="NAME[=N]",
    help="Serve this queue (with N workers); repeatable [default: FORGE_QUEUES, else those the handlers name].",
)
@click.option(
    "--drain", is_flag=True, help="Leave when nothing of the queues is ready, running or waiting for a retry."
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 10 * 366 * 86400),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long running jobs may go on after SIGTERM.",
)
@click.option(
    "--nice",
    "niceness",
    type=click.IntRange(0, 19),
    default=10,
    show_default=True,
    help="Niceness of the workers.",
)
@click.option(
    "--max-jobs-per-worker",
    "max_jobs",
    type=click.IntRange(1),
    metavar="N",
    help="A worker is replaced after so many jobs.",
)
@click.option(
    "--max-worker-age",
    "max_age",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="A worker is replaced at this age, when its job is done; one of a queue at a time.",
)
@click.option(
    "--max-worker-memory",
    "max_memory",
    metavar="SIZE",
    help='A worker that keeps more memory than this (for example "500MB") is replaced, when its job is done.',
)
@click.option(
    "--preload/--no-preload",
    default=True,
    show_default=True,
    help="Import the application once, before the fork, or in each worker.",
)
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Show a progress bar [default: with --drain, on a terminal].",
)
@click.option(
    "--allow-commands",
    is_flag=True,
    help="Run programs, too: the jobs of forge-jobs submit. Whoever can enqueue can run anything then.",
)
@click.option(
    "--allow-command",
    "only_commands",
    multiple=True,
    metavar="NAME",
    help="Run this program only, a name on the PATH or an absolute path; repeatable.",
)
@click.option("--commands-root", metavar="DIR", help="Programs run in this directory, or below it, only.")
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Serve /metrics (for Prometheus), /healthz and /readyz on this port.",
)
@click.option(
    "--metrics-address",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Where to serve them: whoever reaches this address may read them.",
)
@click.option("--log-format", type=click.Choice(log.FORMATS), default="text", show_default=True)
@click.option(
    "--log-level",
    type=click.Choice(log.LEVELS),
    default="info",
    show_default=True,
    help="From which level on the log is written.",
)
@database_option
@config_option
def supervise(**options: Any) -> None:
    """Run a farm of worker processes until it is stopped or drained.

    SIGTERM or SIGINT stops it; a second SIGINT gives running jobs no more time. SIGHUP reloads the code. SIGUSR2
    writes every worker's stack to the log.

    Exit codes: 0 it was stopped or drained and no job ended dead in a drain; 1 with --drain, a job ended dead, or the
    database failed; 2 usage; 3 the farm never came up.
    """
    from forge_jobs_supervisor.cli import farming

    farming.run(**options)
