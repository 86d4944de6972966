"""Findings for people: how bad, what of, what was found, and the way out."""

from __future__ import annotations

import click

from forge_jobs.model.checks import Check, Level
from forge_jobs.showing import printable
from forge_jobs.terminal import echo

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}
_NAME = 14


def print_check(check: Check) -> None:
    """Print one finding."""
    level = click.style(f"{check.level.upper():8}", fg=_COLOURS[check.level])
    click.echo(f"{level} {check.name + ':':{_NAME}} {printable(check.told)}")
    if check.way_out is not None:
        echo(f"{'':9}{'':{_NAME}} do: {check.way_out}")
