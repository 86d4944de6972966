"""``forge-jobs verify``: whether everything in the database fits together."""

from __future__ import annotations

import sys

import click

from forge_jobs.model.checks import Level
from forge_jobs.storage import open_storage
from forge_jobs.terminal import FAILURE, print_json
from forge_jobs.verifying import verify as verified
from forge_jobs_supervisor.cli.checks import print_check
from forge_jobs_supervisor.cli.common import add_location_options, json_option, looked_up

PATIENCE = 3600.0
"""Seconds that one rule may take: every row is read."""


@click.command()
@json_option
@add_location_options
def verify(as_json: bool, app_name: str | None, database: str | None, config: str | None) -> None:
    """Check that all rows of the database fit together: what holds at any moment, whoever was killed when.

    Reads every job, changes nothing, and may be called while farms work. Exit code 1 if anything does not fit.
    """
    jobs = looked_up(app_name, database, config)
    storage = open_storage(jobs.location.url, deadline=PATIENCE)
    found = []
    for check in verified(storage.checkup):
        found.append(check)
        if not as_json:
            print_check(check)
    if as_json:
        print_json({"checks": found})
    if any(check.level is Level.PROBLEM for check in found):
        sys.exit(FAILURE)
