"""Options and look-ups that several commands share."""

from __future__ import annotations

import sys
from typing import Any

import click

from forge_jobs.app import ForgeJobs
from forge_jobs.config import app_name as configured_app
from forge_jobs.config import locate
from forge_jobs.errors import DatabaseUnusable, UsageError
from forge_jobs.showing import printable
from forge_jobs.storage import open_storage
from forge_jobs_supervisor import application

MAX_WORKERS = 1024
"""How many workers a queue can have."""

app_option = click.option(
    "--app",
    "app_name",
    metavar="MODULE:ATTR",
    help="The application [default: FORGE_APP, else [tool.forge-jobs] app in pyproject.toml].",
)
database_option = click.option("--database", metavar="URL", help="The database, for example sqlite:///queue.sqlite.")
config_option = click.option("--config", metavar="PATH", help="The configuration file to use instead of the one found.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON with stable field names.")


def go_on(told: str) -> None:
    """Ask a person whether to go on; raise UsageError where the answer is no, or nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError(f"{told}: without a terminal to ask on, pass --yes")
    if not click.confirm(printable(f"{told}. Go on?"), err=True):
        raise UsageError("nothing was changed")


def require_app(name: str | None) -> str:
    """Return the application's name; raise UsageError where none is given or configured."""
    found = name or configured_app()
    if not found:
        raise UsageError(
            "no application: say --app MODULE:ATTR (for example --app myapp.tasks:jobs), set FORGE_APP, "
            'or write app = "MODULE:ATTR" under [tool.forge-jobs] in pyproject.toml'
        )
    return found


def opened(name: str | None, database: str | None, config: str | None) -> ForgeJobs:
    """Return the jobs that a command works on, with the application's handlers where it is known.

    The database is the one named on the command line, else the application's, else the configured one.
    """
    found = name or configured_app()
    jobs = application.load(found) if found else ForgeJobs()
    if database is not None or config is not None:
        location = locate(database, config)
        jobs.use(open_storage(location.url), location)
    return jobs


def looked_up(name: str | None, database: str | None, config: str | None, *, with_app: bool = False) -> ForgeJobs:
    """Return the jobs that a command looks at; raise DatabaseUnusable where there is no database yet.

    Where a database is named, the application is not needed, and loaded only ``with_app``.
    """
    plain = (database is not None or config is not None) and not with_app
    jobs = ForgeJobs(database, config) if plain else opened(name, database, config)
    if not jobs.storage.schema.describe()["exists"]:
        raise DatabaseUnusable(
            f"there is no database {jobs.storage.location} ({jobs.location.origin}): the first enqueue or supervise "
            "creates it; for another one say --database or --app"
        )
    return jobs


def add_location_options(command: Any) -> Any:
    """Give a command --app, --database and --config."""
    return app_option(database_option(config_option(command)))
