"""The group's page tells of each command what the command tells of itself."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from forge_jobs_supervisor.cli.main import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_line_is_the_first_sentence_of_its_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(10_000) == COMMANDS[name][1]


def test_every_command_has_its_line_on_the_page() -> None:
    page = CliRunner().invoke(main, ["--help"]).output

    lines = [line.split()[0] for line in page.partition("Commands:\n")[2].splitlines()]
    assert lines == sorted(COMMANDS)


def test_a_command_that_is_not_there_is_refused_and_its_like_is_named() -> None:
    told = CliRunner().invoke(main, ["statsu"])

    assert told.exit_code == 2
    assert "No such command 'statsu'" in told.output
