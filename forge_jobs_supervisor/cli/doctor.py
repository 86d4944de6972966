"""``forge-jobs doctor``: is everything well, and which configuration is in force."""

from __future__ import annotations

import sys

import click

from forge_jobs.app import ForgeJobs
from forge_jobs.effective import effective
from forge_jobs.examining import examine
from forge_jobs.model.checks import Level
from forge_jobs.terminal import FAILURE, echo, print_json
from forge_jobs_supervisor.cli.checks import print_check
from forge_jobs_supervisor.cli.common import add_location_options, json_option, opened
from forge_jobs_supervisor.cli.tables import print_table


@click.command()
@click.option("--deep", is_flag=True, help="Read the whole SQLite file and check that it is sound.")
@json_option
@add_location_options
def doctor(deep: bool, as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Check the database, its disk or server, the clocks and the supervisors, and show the configuration in force.

    Each finding is OK, a WARNING or a PROBLEM, with a way out. Changes nothing. Exit code 1 if there is a problem.
    """
    named = database is not None or config is not None
    jobs = ForgeJobs(database, config) if named else opened(app_name, database, config)
    values = effective(jobs.location)
    found = []
    for check in examine(jobs.storage, deep=deep):
        found.append(check)
        if not as_json:
            print_check(check)
    if as_json:
        print_json({"checks": found, "configuration": values})
    else:
        echo("\nconfiguration")
        print_table(["name", "value", "origin"], [[value.name, value.value, value.origin] for value in values])
    if any(check.level is Level.PROBLEM for check in found):
        sys.exit(FAILURE)
