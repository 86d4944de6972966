"""Which jobs an operator means: ids or filters, alike for all verbs; and making sure before many are changed."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click
import msgspec

from forge_jobs.app import ForgeJobs
from forge_jobs.errors import UsageError
from forge_jobs.model.states import Status
from forge_jobs.operating import job_filter
from forge_jobs.storage.records import JobFilter
from forge_jobs.terminal import FAILURE, echo, print_json
from forge_jobs.verbs import Changed, count, narrowed, why_skipped
from forge_jobs_supervisor.cli.common import add_location_options, go_on, json_option, looked_up

_FILTERS = ("status", "queue", "kind", "error", "older_than")


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb was told: ``ids``, ``filters`` by name, and how to go about it."""

    jobs: ForgeJobs
    ids: tuple[str, ...]
    filters: Mapping[str, Any]
    yes: bool
    dry_run: bool
    as_json: bool

    @property
    def told(self) -> str:
        """The filters in words."""
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.filters.items())


def filter_options(command: Any) -> Any:
    """Give a command the options that say which jobs."""
    for option in (
        click.option("--older-than", metavar="AGE", help="Only jobs that ended, or were stored, so long ago: 2d, 5m."),
        click.option("--error", metavar="TEXT", help="Only jobs whose newest error message contains this."),
        click.option("--kind", help="Only jobs of this kind."),
        click.option("--queue", help="Only jobs of this queue."),
        click.option("--status", type=click.Choice([s.value for s in Status]), help="Only jobs in this state."),
    ):
        command = option(command)
    return command


def sure_options(command: Any) -> Any:
    """Give a command that changes all jobs that match --yes and --dry-run."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Only say how many jobs match."),
        click.option("--yes", is_flag=True, help="Do not ask before jobs are changed by a filter; for scripts."),
    ):
        command = option(command)
    return command


def choosing(command: Callable[..., None]) -> Any:
    """Give a verb ids, filters, --yes, --dry-run, --json and the database's options; it takes them as one Chosen."""

    @functools.wraps(command)
    def gathered(
        job_ids: tuple[str, ...], yes: bool, dry_run: bool, as_json: bool,
        app_name: str | None, database: str | None, config: str | None, **given: Any,
    ) -> None:  # fmt: skip
        filters = {name: value for name in _FILTERS if (value := given.pop(name)) is not None}
        if not job_ids and not filters:
            raise UsageError("which jobs? name ids, or say --status, --queue, --kind, --error or --older-than")
        jobs = looked_up(app_name, database, config, with_app="payload" in given)
        command(Chosen(jobs=jobs, ids=job_ids, filters=filters, yes=yes, dry_run=dry_run, as_json=as_json), **given)

    arguments = click.argument("job_ids", nargs=-1, metavar="[ID]...")
    return arguments(filter_options(sure_options(json_option(add_location_options(gathered)))))


def make_sure(chosen: Chosen, verb: str, doing: str) -> bool:
    """Say how many jobs a verb would change by filter, and ask; False where there is nothing to be done.

    ``doing`` is the verb as in "this cancels". Raises UsageError where nobody can be asked and --yes was not said.
    """
    wanted = narrowed(verb, job_filter(**chosen.filters))
    counts = count(chosen.jobs.storage.operator.count, wanted)
    number = sum(counts.values())
    running = _running(chosen, wanted) if verb == "delete" else 0
    stay = f"; {running:,} that run stay" if running else ""
    told = f"this {doing} {_jobs(number)} ({chosen.told}){stay}"
    if chosen.dry_run:
        if chosen.as_json:
            print_json({"jobs": number, "by_status": counts, "dry_run": True})
        else:
            echo(told)
        return False
    if not number:
        if chosen.as_json:
            print_json(Changed())
        else:
            echo(f"no job to change matches ({chosen.told}){stay}")
        return False
    if not chosen.yes:
        go_on(told)
    elif not chosen.as_json:
        echo(told)
    return True


def _running(chosen: Chosen, wanted: JobFilter) -> int:
    if wanted.status is not None:
        return 0
    running = msgspec.structs.replace(wanted, status=Status.IN_PROGRESS, statuses=None)
    return sum(count(chosen.jobs.storage.operator.count, running).values())


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number:,} jobs"


def report(chosen: Chosen, verb: str, done_word: str, done: Changed) -> None:
    """Say what became of each job that was named, or of how many that matched; exit 1 where an id was not found."""
    if chosen.as_json:
        print_json(done)
    elif chosen.ids:
        statuses = chosen.jobs.storage.operator.statuses(done.skipped)
        for job_id in done.changed:
            echo(f"{job_id} {done_word}")
        for job_id in done.skipped:
            echo(f"{job_id} skipped: {why_skipped(verb, statuses.get(job_id))}")
        for job_id in done.not_found:
            echo(f"{job_id} not found")
    else:
        echo(f"{done_word} {len(done.changed):,}, skipped {len(done.skipped):,}")
    if done.not_found:
        sys.exit(FAILURE)


def act(chosen: Chosen, verb: str, doing: str, done_word: str, change: Callable[[], Changed]) -> None:
    """Do a verb to what was chosen: at once to ids, to all that match after a count and a question."""
    if chosen.ids and chosen.dry_run:
        raise UsageError("--dry-run counts what filters match: with ids, look with forge-jobs show ID")
    if chosen.ids or make_sure(chosen, verb, doing):
        report(chosen, verb, done_word, change())
