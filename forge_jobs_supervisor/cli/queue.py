"""``forge-jobs queue``: what an operator sets about one queue, for all hosts."""

from __future__ import annotations

from typing import Any

import click

from forge_jobs.errors import UsageError
from forge_jobs.model.queue import QueueSettings
from forge_jobs.terminal import print_json
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up
from forge_jobs_supervisor.cli.tables import print_queues


class _OrNone(click.ParamType[Any]):
    """A value, or the word none."""

    def __init__(self, inner: click.ParamType[Any], name: str) -> None:
        self._inner = inner
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or NONE."""
        return _NONE if value == "none" else self._inner.convert(value, param, ctx)


_NONE = object()
_DAYS = _OrNone(click.FLOAT, "days|none")
_JOBS = _OrNone(click.INT, "jobs|none")


@click.group()
def queue() -> None:
    """Pause, resume and set up a queue; every host follows within a second."""


@queue.command(name="set")
@click.argument("name")
@click.option(
    "--max-workers",
    type=_OrNone(click.IntRange(0, 100_000), "integer|none"),
    help="At most so many workers, all hosts together; none: each host runs its own --workers.",
)
@click.option("--backoff/--no-backoff", "backoff_enabled", default=None, help="Whether a failed attempt waits longer.")
@click.option("--backoff-base", type=float, metavar="SECONDS", help="The wait after the first failed attempt.")
@click.option("--backoff-max", type=float, metavar="SECONDS", help="The longest wait.")
@click.option("--keep-done", type=_DAYS, help="For how long done jobs are kept; none: for ever.")
@click.option("--keep-dead", type=_DAYS, help="For how long dead jobs are kept; none: for ever.")
@click.option("--keep-done-jobs", type=_JOBS, help="At most so many done jobs are kept, the newest.")
@click.option("--keep-dead-jobs", type=_JOBS, help="At most so many dead jobs are kept, the newest.")
@click.option(
    "--cool-down/--no-cool-down",
    "cool_down",
    default=None,
    help="Whether a job that is throttled stops the whole queue for as long as it waits.",
)
@click.option(
    "--memory-limit",
    type=_OrNone(click.STRING, "size|none"),
    help='How much memory a job may use whose handler names no limit, for example "512MB".',
)
@json_option
@add_location_options
def set_queue(
    name: str, as_json: bool, app_name: str | None, database: str | None, config: str | None, **given: Any
) -> None:
    """Change settings of a queue. Workers that are too many leave when their job is done, the idlest first."""
    changes = {key: None if value is _NONE else value for key, value in given.items() if value is not None}
    if not changes:
        raise UsageError("nothing to set: see forge-jobs queue set --help")
    _show(looked_up(app_name, database, config).set_queue(name, **changes), as_json=as_json)


@queue.command()
@click.argument("name")
@json_option
@add_location_options
def pause(name: str, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Let nobody claim a job of this queue until it is resumed; running jobs finish."""
    _show(looked_up(app_name, database, config).set_queue(name, paused=True), as_json=as_json)


@queue.command()
@click.argument("name")
@json_option
@add_location_options
def resume(name: str, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Let jobs of this queue be claimed again."""
    _show(looked_up(app_name, database, config).set_queue(name, paused=False), as_json=as_json)


def _show(settings: QueueSettings, *, as_json: bool) -> None:
    if as_json:
        print_json(settings)
    else:
        print_queues([settings])
