"""What both commands share: how errors are shown, and printing texts and JSON."""

from __future__ import annotations

import io
import sys
from typing import Any

import click

from forge_jobs.errors import ForgeJobsError, UsageError
from forge_jobs.showing import in_json, printable

USAGE = 2
FAILURE = 1


class Command(click.Group):
    """A group of commands that shows this package's errors as one sentence: exit code 2 for usage, else 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
                stream.reconfigure(errors="backslashreplace")  # a dash that it cannot print is no reason to fail
        try:
            return super().invoke(ctx)
        except ForgeJobsError as error:
            echo(f"{ctx.info_name}: {error}", err=True)
            sys.exit(USAGE if isinstance(error, UsageError) else FAILURE)
        except BrokenPipeError:
            sys.stderr.close()
            sys.exit(FAILURE)


def echo(told: str, *, err: bool = False) -> None:
    """Print a text for a person. What is in it may come from anywhere: nothing of it commands the terminal."""
    click.echo(printable(told), err=err)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    import msgspec  # here: a command's --help needs it not

    click.echo(in_json(msgspec.json.format(msgspec.json.encode(value), indent=2).decode()))
