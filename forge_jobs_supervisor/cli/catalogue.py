"""A group of commands that imports none of them before it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from forge_jobs.terminal import Command


class Catalogue(Command):
    """The group. ``catalogue`` says of each command by name where it is, ``module:object`` of this room, and its line.

    The lines are what the group's own page shows: the first sentence of each command's help.
    """

    def __init__(self, *args: Any, catalogue: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._places = {name: place for name, (place, _line) in catalogue.items()}
        self._lines = {name: click.Command(name, help=line) for name, (_place, line) in catalogue.items()}
        self.commands.update(self._lines)  # click looks here for names that are like a wrong one

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is none of this name."""
        if cmd_name not in self._places:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._places[cmd_name].partition(":")
        command = getattr(import_module(f"{__package__}.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command's line."""
        limit = formatter.width - 6 - max(map(len, self._lines))
        lines = [(name, self._lines[name].get_short_help_str(limit)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(lines)
