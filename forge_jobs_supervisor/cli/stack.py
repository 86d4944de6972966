"""``forge-jobs stack``: where in its code a worker is, whatever it does."""

from __future__ import annotations

import sys

import click

from forge_jobs.app import ForgeJobs
from forge_jobs.clock import monotonic, pause
from forge_jobs.errors import UsageError
from forge_jobs.showing import one_line, quoted
from forge_jobs.storage.records import HostRecord, WorkerView
from forge_jobs.terminal import FAILURE, echo, print_json
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up
from forge_jobs_supervisor.cli.watching import fresh_workers

ANSWER_WITHIN = 8.0
_PAUSE = 0.02


@click.command()
@click.argument("worker", required=False)
@json_option
@add_location_options
def stack(worker: str | None, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Show the Python stack of a worker, or of all, on any host, whatever they do.

    WORKER is what "forge-jobs workers" shows: media#3, a pid, or the id of the job that it runs.

    Exit code 1 if a worker did not answer.
    """
    jobs = looked_up(app_name, database, config)
    chosen = [found for found in fresh_workers(jobs) if worker is None or _is_meant(found[1], worker)]
    if not chosen:
        raise UsageError("no worker is alive" if worker is None else f"there is no live worker {quoted(worker)}")
    stacks = _ask(jobs, chosen)
    if as_json:
        print_json({"workers": [_told(host, view, text) for (host, view), text in zip(chosen, stacks, strict=True)]})
    else:
        for (host, view), text in zip(chosen, stacks, strict=True):
            click.secho(one_line(_headline(host, view)), bold=True)
            echo(text or "no answer: it is gone, or stopped\n")
    if not all(stacks):
        sys.exit(FAILURE)


def _is_meant(view: WorkerView, worker: str) -> bool:
    names = {f"{view.queue}#{view.number}", f"{view.queue} #{view.number}", str(view.pid), str(view.process_id)}
    return worker in names or (view.job_id is not None and worker == view.job_id)


def _ask(jobs: ForgeJobs, chosen: list[tuple[HostRecord, WorkerView]]) -> list[str | None]:
    """Ask for all stacks at once and wait for the answers; None or empty: there was none."""
    control = jobs.storage.control
    numbers = [control.ask(host.host_id, view.process_id, "stack") for host, view in chosen]
    deadline = monotonic() + ANSWER_WITHIN
    answers: list[str | None] = [None] * len(numbers)
    while None in answers and monotonic() < deadline:
        answers = [control.answer_of(number) if a is None else a for a, number in zip(answers, numbers, strict=True)]
        pause(_PAUSE)
    return answers


def _headline(host: HostRecord, view: WorkerView) -> str:
    doing = f"{view.kind} {view.job_id}" if view.job_id else view.state
    return f"{view.queue} #{view.number} (pid {view.pid}) on {host.label}: {doing}"


def _told(host: HostRecord, view: WorkerView, text: str | None) -> dict[str, object]:
    return {
        "host_id": host.host_id, "process_id": str(view.process_id), "queue": view.queue, "number": view.number,
        "pid": view.pid, "state": view.state, "job_id": view.job_id, "kind": view.kind, "stack": text or None,
    }  # fmt: skip
