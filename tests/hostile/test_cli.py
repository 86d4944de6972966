"""Every option and argument of every command, as click's own tree tells of them, with values that nobody means well."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from forge_jobs import db_cli
from forge_jobs.storage import close_idle, open_storage
from forge_jobs_supervisor.cli.main import main
from tests.hostile.rows import SEED
from tests.support.builders import enqueue

VALUES = [
    "",
    " ",
    "x" * 5000,
    "\x1b[2J\x07",
    "\x1b]0;owned\x07",
    "a\nb",
    "\udcff\udcfe",
    "é\u202eñ",
    "-1",
    "0",
    "1e400",
    "nan",
    "inf",
    "99999999999999999999999",
    "9" * 5000,
    "'; DROP TABLE job; --",
    "--",
    "-",
    "--help",
    "@",
    "@/nowhere",
    "@/",
    "/",
    "/dev/null",
    "/nowhere/x",
    "{}",
    "[",
    '{"a":' * 3000,
    '"\\ud800"',
    '{"a": NaN}',
    "sqlite://",
    "sqlite:////",
    "postgresql://u:s3cret@/%00",
    "%00",
    "+1s",
    "+9999999999w",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59Z",
    "2030-01-01",
    "00000000-0000-0000-0000-000000000000",
    "nowhere:jobs",
    "os:path",
    "..",
    ":",
    "a=b",
    "default=0",
    "default",
    "* * * * *",
    "Europe/Berlin",
    "1,2,x",
    "{}{}",
    "1h",
]
AT_ONCE = 3
"""Values that are tried for each parameter; all of them in turn, in an order that ``FORGE_TEST_SEED`` decides."""

TERMINAL = re.compile(r"\x1b|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")
LASTING = {"supervise", "tail", "top", "stack", "submit"}
"""Commands that go on, or wait for others: of these only what they refuse is tried."""

Way = tuple[click.Group, list[str], click.Command]


def ways(group: click.Group, path: list[str]) -> Iterator[Way]:
    """Give every command below a group, and how it is called."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if isinstance(command, click.Group):
                yield from ((group, way, inner) for _group, way, inner in ways(command, [*path, name]))
            else:
                yield group, [*path, name], command


COMMANDS = [(main, path, command) for _group, path, command in ways(main, []) if path[0] not in LASTING]
COMMANDS += [(db_cli.main, path, command) for _group, path, command in ways(db_cli.main, [])]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a database in it, where commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORGE_DATABASE_URL", "sqlite:///queue.sqlite")
    with closing(open_storage(f"sqlite:///{tmp_path}/queue.sqlite")) as storage:
        enqueue(storage, unique_key="a")
    return tmp_path


def good(parameter: click.Parameter) -> str:
    return {"status": "dead", "capacity": "1", "expression": "* * * * *"}.get(parameter.name or "", "default")


def words(command: click.Command, odd: click.Parameter, value: str) -> list[str]:
    """Return the words of a call with one odd value, and plain ones for whatever else must be said."""
    options: list[str] = []
    arguments: list[str] = []
    for parameter in command.params:
        if parameter is not odd and not parameter.required:
            continue
        said = value if parameter is odd else good(parameter)
        if isinstance(parameter, click.Option):
            options += [parameter.opts[0]] if parameter.is_flag else [parameter.opts[0], said]
        else:
            arguments.append(said)
    return [*options, *arguments]


@pytest.mark.parametrize("position", range(len(COMMANDS)), ids=[" ".join(path) for _main, path, _command in COMMANDS])
def test_a_command_answers_in_sentences(directory: Path, position: int) -> None:
    root, path, command = COMMANDS[position]
    values = cycle(random.Random(f"{SEED}/{position}").sample(VALUES, len(VALUES)))
    for parameter in [one for one in command.params if one.name != "wait"]:
        for value in islice(values, AT_ONCE):
            typed = words(command, parameter, value)
            told = CliRunner().invoke(root, [*path, *typed], input="")
            case = f"{path} {typed!r:.300}: {told.output[-300:]!r}"
            assert told.exception is None or isinstance(told.exception, SystemExit), f"{case} {told.exception!r}"
            assert told.exit_code in (0, 1, 2), case
            assert told.exit_code == 0 or told.output, case
            ours = [line for line in told.output.splitlines() if not line.startswith(("Error: ", "Usage: "))]  # click's
            assert not TERMINAL.search("\n".join(ours)), case
    close_idle()


@pytest.mark.parametrize(
    "typed",
    [
        ["supervise", "--app", "os:path"],
        ["supervise", "--app", "\udcff"],
        ["supervise", "--app", "x" * 5000],
        ["supervise", "--grace", "nan"],
        ["supervise", "--app", "..", "--queue", "default=99999999999"],
        ["tail", "--since", "never"],
        ["tail", "--kind", "\x1b[2J"],
        ["submit", "--queue", "a b", "--", "true"],
        ["submit", "--cwd", "\udcff", "--", "true"],
        ["submit", "--env", "=", "--", "true"],
        ["submit", "--", "\udcff"],
        ["stack", "\x1b[2J"],
        ["top", "--interval", "nan"],
        ["\udcff"],
        ["--\x1b[2J"],
        ["jobs", "--kind"],
    ],
)
def test_what_a_command_that_lasts_refuses(directory: Path, typed: list[str]) -> None:
    told = CliRunner().invoke(main, typed, input="")
    assert isinstance(told.exception, SystemExit)
    assert told.exit_code in (1, 2)
    assert told.stderr
    close_idle()


def test_as_a_program_too(directory: Path) -> None:
    for typed in (
        ["enqueue", b"\xff\xfe"],
        ["show", b"\x1b[2J"],
        ["--database", b"sqlite:///\xff.sqlite", "status"],
        ["status", "--database", b"/\xff/\xff"],
    ):
        program = "forge_jobs.db_cli" if typed[0] == "--database" else "forge_jobs_supervisor"
        told = subprocess.run([sys.executable, "-m", program, *typed], cwd=directory, capture_output=True, timeout=60)
        assert told.returncode in (1, 2), told
        assert told.stderr.count(b"\n") <= 4, told.stderr
        assert b"Traceback" not in told.stderr
        assert b"\x1b" not in told.stderr
