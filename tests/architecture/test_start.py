"""What is imported at the start of a program, in a fresh interpreter: whoever needs little waits for little."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from forge_jobs_supervisor.cli.main import COMMANDS
from tests.architecture.source import ROOT

STORES = ("apsw", "psycopg", "sqlite3", "forge_jobs.storage.sqlite", "forge_jobs.storage.postgres")
HEAVY = (
    *STORES,
    *("rich", "click", "croniter", "psutil", "setproctitle", "opentelemetry", "zoneinfo", "tzdata"),
    *("asyncio", "concurrent", "multiprocessing", "ssl", "http", "email", "socket", "ctypes", "hashlib", "tomllib"),
    *("importlib.metadata", "importlib.resources", "tempfile", "difflib", "statistics"),
)
"""Modules that take long, or bring many others, and that few programs need."""

REPORT = "; import sys; print(*sys.modules)"


def loaded_by(statements: str, directory: Path | None = None) -> set[str]:
    """Return the modules that a fresh interpreter has after some statements."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {statements}{REPORT}"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=directory, timeout=60)
    return set(told.stdout.splitlines()[-1].split())


def of(loaded: set[str], names: Iterable[str]) -> list[str]:
    """Return which of the names were loaded."""
    return [name for name in names if name in loaded]


def help_of(*arguments: str) -> set[str]:
    """Return the modules loaded by ``forge-jobs ... --help``."""
    run = f"from forge_jobs_supervisor.cli import main; main({[*arguments, '--help']!r}, standalone_mode=False)"
    return loaded_by(run)


def test_the_package_alone_loads_its_errors_alone() -> None:
    loaded = loaded_by("import forge_jobs")

    assert {name for name in loaded if name.startswith("forge_jobs")} == {"forge_jobs", "forge_jobs.errors"}
    assert of(loaded, (*HEAVY, "msgspec", "logging")) == []


def test_an_application_loads_no_database_and_nothing_heavy() -> None:
    application = "from forge_jobs import ForgeJobs, JobContext; jobs = ForgeJobs()"
    handler = "exec('def double(ctx: JobContext, number: int) -> int: return 2 * number'); jobs.handler(double)"

    loaded = loaded_by(f"{application}; {handler}")

    assert "forge_jobs.app" in loaded
    assert of(loaded, HEAVY) == []


def test_a_producer_loads_the_database_it_uses_and_no_other(tmp_path: Path) -> None:
    loaded = loaded_by("from forge_jobs import ForgeJobs; ForgeJobs('q.sqlite').enqueue('noop')", tmp_path)

    assert "forge_jobs.storage.sqlite.storage" in loaded
    assert (
        of(loaded, ("psycopg", "forge_jobs.storage.postgres", "rich", "click", "croniter", "psutil", "asyncio")) == []
    )


def test_the_groups_page_loads_no_command() -> None:
    loaded = help_of()

    assert "click" in loaded
    room = "forge_jobs_supervisor.cli."
    assert {name for name in loaded if name.startswith(room)} == {f"{room}main", f"{room}catalogue"}
    assert of(loaded, (*STORES, "msgspec", "rich", "psutil", "forge_jobs.app")) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_page_loads_no_database_and_draws_nothing(command: str) -> None:
    loaded = help_of(command)
    no_programs = () if command == "submit" else ("psutil",)  # submit checks what the handler of programs does

    assert (
        of(loaded, (*STORES, *no_programs, "rich", "croniter", "setproctitle", "forge_jobs_supervisor.compose")) == []
    )
