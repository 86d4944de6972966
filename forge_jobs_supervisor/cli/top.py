"""``forge-jobs top``: what the whole farm does, live."""

from __future__ import annotations

import math
import sys

import click

from forge_jobs.clock import monotonic, pause
from forge_jobs.errors import UsageError
from forge_jobs_supervisor.cli.common import add_location_options, looked_up
from forge_jobs_supervisor.cli.watching import fresh_workers, watch

_WATCH_EVERY = 2.0
_SPARING = 4
"""Counting a long queue takes long: so many times as long nothing is asked."""


@click.command()
@click.option("--interval", type=click.FloatRange(0.2, 60), default=1.0, show_default=True, metavar="SECONDS")
@click.option("--once", is_flag=True, help="Print it once and leave [default: where there is no terminal].")
@add_location_options
def top(interval: float, once: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Show the queues and every worker of every host, live: its job, for how long, CPU, memory, progress.

    Ctrl-C leaves.
    """
    if not math.isfinite(interval):  # click lets NaN pass any range
        raise UsageError(f"--interval {interval} is no number of seconds")
    from rich.console import Console  # here: --help draws nothing
    from rich.live import Live

    from forge_jobs_supervisor.cli.screen import WIDE, Screen

    jobs = looked_up(app_name, database, config)
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    screen = Screen(jobs, console.width)
    fresh_workers(jobs)
    if once or not sys.stdout.isatty():
        fresh_workers(jobs)  # once more: CPU is measured from one look to the next
        console.print(screen.draw())
        return
    watched_at = monotonic()
    try:
        with Live(screen.draw(), console=console, screen=True, auto_refresh=False) as live:
            while True:
                pause(max(interval, _SPARING * screen.seconds))
                if monotonic() - watched_at > _WATCH_EVERY:
                    watch(jobs)
                    watched_at = monotonic()
                live.update(screen.draw(), refresh=True)
    except KeyboardInterrupt:
        return
