"""Running a farm: resolve what is asked for, be the supervisor, sum it up."""

from __future__ import annotations

import logging
import math
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from forge_jobs.app import ForgeJobs
from forge_jobs.config import Location, locate, queues_from
from forge_jobs.config import app_name as configured_app
from forge_jobs.errors import ForgeJobsError, UsageError
from forge_jobs.model.limits import KindRules
from forge_jobs.model.names import checked_queue, checked_size
from forge_jobs.model.queue import DEFAULT_QUEUE
from forge_jobs.showing import quoted
from forge_jobs.storage import open_storage
from forge_jobs.terminal import echo
from forge_jobs_supervisor import application, compose, log, preflight, reloading
from forge_jobs_supervisor.cli.common import MAX_WORKERS, require_app
from forge_jobs_supervisor.messages import Manifest
from forge_jobs_supervisor.parent.scaling import Wear
from forge_jobs_supervisor.reloading import Inheritance
from forge_jobs_supervisor.shipped import COMMAND, shipped
from forge_jobs_supervisor.shipped.rules import Rules, checked_rules
from forge_jobs_supervisor.unix import processes

if TYPE_CHECKING:
    from forge_jobs_supervisor.cli.progress import Progress

_log = logging.getLogger(__name__)
NO_APPLICATION = "(none)"
"""What is shown as the application of a farm that runs programs only."""


def run(*, log_format: str, log_level: str, progress: bool | None, **options: Any) -> None:
    """Run a farm as the options of ``forge-jobs supervise`` say, and leave with its exit code."""
    asked = Asked(**options)
    inheritance = reloading.inherited()
    with_bar = progress if progress is not None else asked.drain and sys.stderr.isatty()
    log.set_up(log_format, log_level, above_bar=with_bar and sys.stderr.isatty(), quiet=reloading.is_rehearsal())
    processes.stop_on_terminate()
    bar = _progress() if with_bar else None
    try:
        plan = _plan(asked, inheritance, bar)
        if reloading.is_rehearsal():
            reloading.check_part(plan.location)
        _check(plan)
        if inheritance is None and not reloading.is_rehearsal():  # else the old coordinator has it still
            preflight.check_port(plan.serve_on)
        if reloading.is_rehearsal():
            return
    except ForgeJobsError as error:
        if inheritance is None:
            raise
        reloading.try_again(inheritance, error)
    if bar:
        bar.start()
    try:
        report = compose.Farm(plan, inheritance).run()
    finally:
        if bar:
            bar.close()
    sys.exit(_sum_up(report, drain=asked.drain))


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The options, as they were given."""

    app_name: str | None
    workers: int | None
    queues: tuple[str, ...]
    drain: bool
    grace: float
    niceness: int
    max_jobs: int | None
    max_age: float | None
    max_memory: str | None
    metrics_port: int | None
    metrics_address: str
    preload: bool
    allow_commands: bool
    only_commands: tuple[str, ...]
    commands_root: str | None
    database: str | None
    config: str | None


def _progress() -> Progress:
    from forge_jobs_supervisor.cli.progress import Progress  # here: most farms draw no bar

    return Progress()


def _plan(asked: Asked, inheritance: Inheritance | None, bar: Progress | None) -> compose.Plan:
    """Return what is asked for, resolved; raise ForgeJobsError where it makes no sense."""
    if not math.isfinite(asked.grace):
        raise UsageError(f"--grace {asked.grace} is no number of seconds")
    commands = checked_rules(allowed=asked.allow_commands, only=asked.only_commands, root=asked.commands_root)
    name, app = _application(asked, commands)
    location, manifest = _manifest(name, app, asked.database, asked.config)
    if not manifest.kinds and commands is None:
        raise UsageError(f"application {quoted(name)} has no handlers: declare one with @jobs.handler")
    ours = shipped((app or ForgeJobs()).client, commands)
    queues = list(dict.fromkeys([*manifest.queues, *([ours[COMMAND].queue] if commands else [])]))
    plan = compose.Plan(
        app_name=name,
        app=app,
        location=location,
        targets=_targets(asked.queues, asked.workers, queues),
        kinds=[*manifest.kinds, *ours],
        declared=manifest.declared.also(KindRules(kind=kind, events=manifest.heard[kind]) for kind in ours),
        commands=commands,
        shipped=ours,
        drain=asked.drain,
        grace=asked.grace,
        niceness=asked.niceness,
        wear=Wear(age=asked.max_age, memory=checked_size(asked.max_memory, "--max-worker-memory")),
        max_jobs=asked.max_jobs,
        observe=bar.show if bar else None,
        serve_on=(asked.metrics_address, asked.metrics_port) if asked.metrics_port else None,
    )
    if inheritance is None:
        return plan
    return replace(plan, started=inheritance.started, cpu_before=inheritance.cpu_before)


def _application(asked: Asked, rules: Rules | None) -> tuple[str, ForgeJobs | None]:
    """Return the application's name, and itself if it is preloaded; where programs may run, none is needed."""
    if rules is not None and not (asked.app_name or configured_app()):
        return NO_APPLICATION, ForgeJobs()
    name = require_app(asked.app_name)
    return name, application.load(name) if asked.preload else None


def _check(plan: compose.Plan) -> None:
    """Raise ForgeJobsError where the farm could not be started."""
    _tell_configuration(plan)
    preflight.check_descriptors(sum(plan.targets.values()))
    preflight.check_fork_safety(plan.app_name, plan.location)
    preflight.check_database(plan.location)


def _manifest(name: str, app: ForgeJobs | None, database: str | None, config: str | None) -> tuple[Location, Manifest]:
    """Return the database to use, and what the application is."""
    told = locate(database, config) if database is not None or config is not None else None
    if app is None:
        seen = preflight.inspect(name)
        return told or Location(seen.url, seen.origin), seen
    if told and app.names_database and app.location.url != told.url:
        _log.warning(
            "the application names the database %s; this farm works on %s, as told", app.location.shown, told.shown
        )
    location = told or app.location
    return location, preflight.manifest_of(app, location)


def _targets(queues: tuple[str, ...], workers: int | None, declared: list[str]) -> dict[str, int]:
    each = workers or len(os.sched_getaffinity(0))
    if not queues:
        return dict.fromkeys(queues_from() or declared or [DEFAULT_QUEUE], each)
    targets = {}
    for item in queues:
        queue, separator, number = item.partition("=")
        if separator and not (number.isdecimal() and 1 <= int(number) <= MAX_WORKERS):
            raise UsageError(
                f"--queue {quoted(item)}: {quoted(number)} is not a number of workers from 1 to {MAX_WORKERS}"
            )
        targets[checked_queue(queue)] = int(number) if separator else each
    return targets


def _tell_configuration(plan: compose.Plan) -> None:
    queues = ", ".join(f"{queue} × {number}" for queue, number in plan.targets.items())
    _log.info("database %s (%s)", open_storage(plan.location.url).location, plan.location.origin,
              extra={"event": "farm.starting"})  # fmt: skip
    _log.info(
        "application %s, kinds %s; queues %s; %s, grace %g s, nice %d",
        plan.app_name, ", ".join(sorted(plan.kinds)), queues, "preloaded" if plan.app else "not preloaded",
        plan.grace, plan.niceness, extra={"event": "farm.starting"},
    )  # fmt: skip
    if plan.commands is not None:
        _log.info(
            "commands are allowed: %s, in %s",
            ", ".join(plan.commands.only) or "any program", plan.commands.root or "any directory",
        )  # fmt: skip


def _sum_up(report: compose.Report, *, drain: bool) -> int:
    if report.hopeless:
        echo(f"forge-jobs: the farm could not be started: {report.hopeless}", err=True)
        return processes.BOOT_FAILED
    farewell = report.farewell
    if farewell is None:
        echo("forge-jobs: the coordinator left without a word; see the log", err=True)
        return 1
    if drain:
        rate = farewell.done / report.wall_seconds
        echo(
            f"done {farewell.done}, attempts tried again {farewell.failed}, dead {farewell.dead}; "
            f"wall {report.wall_seconds:.2f} s, CPU {report.cpu_seconds:.2f} s, {rate:,.0f} jobs/s"
        )
        for waiting in farewell.unserved:
            echo(f"left waiting: {waiting}", err=True)
    return 1 if drain and farewell.dead else 0
