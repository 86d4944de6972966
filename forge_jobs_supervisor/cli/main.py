"""The group ``forge-jobs`` and its commands: where each lives, and its line on the group's page."""

from __future__ import annotations

import click

from forge_jobs import __version__
from forge_jobs_supervisor.cli.catalogue import Catalogue

COMMANDS = {
    "supervise": ("supervise:supervise", "Run a farm of worker processes until it is stopped or drained."),
    "enqueue": ("enqueue:enqueue", "Store one job and print its id."),
    "submit": ("submit:submit", "Store a program to be run as a job, and print the job's id."),
    "cancel": ("cancel:cancel", "Stop jobs for good: those named, or all that match and have not finished."),
    "status": (
        "status:status",
        "Show how many jobs each queue has in each state, and what nobody serves, and what slows the database.",
    ),
    "stats": (
        "stats:stats",
        "Show what happened: jobs by outcome, how long they waited and ran, and the CPU they used.",
    ),
    "jobs": ("jobs:list_jobs", "List jobs, newest first."),
    "show": ("jobs:show", "Show one job, whole: its payload, its result, how each attempt ended."),
    "queues": ("status:queues", "Show the settings of each queue."),
    "queue": ("queue:queue", "Pause, resume and set up a queue; every host follows within a second."),
    "limits": ("limits:limits", "Show and set rate limits; show how many jobs of each kind with limits run and wait."),
    "cron": ("cron:cron", "Look at schedules, make them and change them; the host that leads follows within a second."),
    "workers": (
        "status:workers",
        "Show the live hosts and what each of their workers did at the last beat (every 2 s).",
    ),
    "top": (
        "top:top",
        "Show the queues and every worker of every host, live: its job, for how long, CPU, memory, progress.",
    ),
    "stack": ("stack:stack", "Show the Python stack of a worker, or of all, on any host, whatever they do."),
    "why": ("why:why", "Say why a job waits, where it runs, or how each attempt ended; and what to do about it."),
    "tail": ("tail:tail", "Follow what happens: jobs enqueued, started, done, failed (to be tried again), dead."),
    "doctor": (
        "doctor:doctor",
        "Check the database, its disk or server, the clocks and the supervisors, and show the configuration in force.",
    ),
    "verify": (
        "verify:verify",
        "Check that all rows of the database fit together: what holds at any moment, whoever was killed when.",
    ),
    "cleanup": ("cleanup:cleanup", "Remove the finished jobs that their queue keeps no longer, and say how many went."),
    "retry": ("verbs:retry", "Make failed and dead jobs pending again, with a fresh budget of attempts."),
    "delete": (
        "verbs:delete",
        "Remove jobs, with their payloads, results and error histories; those that are running are skipped.",
    ),
    "run-now": ("verbs:run_now", "Let jobs that wait for their time, or for their next attempt, run at once."),
    "move": ("verbs:move", "Put jobs that wait into another queue; they keep their priority and time."),
    "edit": (
        "verbs:edit",
        "Change the payload, priority or time of jobs that wait; running and finished ones are skipped.",
    ),
    "purge": ("verbs:purge", "Remove all jobs of one state that match, whatever their queue's retention says."),
}


@click.group(
    cls=Catalogue,
    catalogue=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="forge-jobs")
def main() -> None:
    """Run, fill and look at a durable job queue for CPU-bound Python."""
