"""The group ``forge-jobs`` and its commands."""

from __future__ import annotations

import click

from forge_jobs import __version__
from forge_jobs.terminal import Command
from forge_jobs_supervisor.cli.cancel import cancel
from forge_jobs_supervisor.cli.cleanup import cleanup
from forge_jobs_supervisor.cli.cron import cron
from forge_jobs_supervisor.cli.doctor import doctor
from forge_jobs_supervisor.cli.enqueue import enqueue
from forge_jobs_supervisor.cli.jobs import list_jobs, show
from forge_jobs_supervisor.cli.limits import limits
from forge_jobs_supervisor.cli.queue import queue
from forge_jobs_supervisor.cli.stack import stack
from forge_jobs_supervisor.cli.stats import stats
from forge_jobs_supervisor.cli.status import queues, status, workers
from forge_jobs_supervisor.cli.submit import submit
from forge_jobs_supervisor.cli.supervise import supervise
from forge_jobs_supervisor.cli.tail import tail
from forge_jobs_supervisor.cli.top import top
from forge_jobs_supervisor.cli.verbs import delete, edit, move, purge, retry, run_now
from forge_jobs_supervisor.cli.why import why


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="forge-jobs")
def main() -> None:
    """Run, fill and look at a durable job queue for CPU-bound Python."""


for command in (
    supervise,
    enqueue,
    submit,
    cancel,
    status,
    stats,
    list_jobs,
    show,
    queues,
    queue,
    limits,
    cron,
    workers,
    top,
    stack,
):
    main.add_command(command)
for verb in (why, tail, doctor, cleanup, retry, delete, run_now, move, edit, purge):
    main.add_command(verb)
