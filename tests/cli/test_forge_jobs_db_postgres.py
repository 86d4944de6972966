"""``forge-jobs-db`` on PostgreSQL, and moving house."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from forge_jobs import ForgeJobs
from tests.support.farm import Farm
from tests.support.postgres import having, server_url

PROGRAM = "forge_jobs.db_cli"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    schema = f"c{os.urandom(6).hex()}"
    made = Farm(tmp_path, having(server_url(), schema=schema))
    yield made
    made.close()
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")  # type: ignore[arg-type]


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    done = farm.run(*arguments, program=PROGRAM, stdin=subprocess.DEVNULL)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_create_status_reset_and_drop(farm: Farm) -> None:
    assert json.loads(told(farm, "status", "--json"))["exists"] is False
    assert told(farm, "create").startswith("created postgresql://")
    assert told(farm, "create").startswith("already there: ")
    assert "nothing to apply" in told(farm, "migrate")
    farm.jobs.enqueue("noop")

    status = json.loads(told(farm, "status", "--json"))

    assert (status["adapter"], status["exists"], status["pending_migrations"]) == ("postgres", True, [])
    assert status["queues"]["default"]["pending"] == 1
    assert "reset" in told(farm, "reset", "--yes")
    assert farm.jobs.counts() == {}
    assert "dropped" in told(farm, "drop", "--yes")
    assert "not there" in told(farm, "drop", "--yes")


def test_a_database_that_is_not_there_is_made(farm: Farm) -> None:
    name = f"d{os.urandom(6).hex()}"
    url = server_url().replace("/postgres?", f"/{name}?")
    assert url != server_url()
    try:
        assert json.loads(told(farm, "--database", url, "status", "--json"))["exists"] is False
        assert told(farm, "--database", url, "create").startswith("created")
        assert json.loads(told(farm, "--database", url, "status", "--json"))["exists"] is True
    finally:
        with psycopg.connect(server_url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name}")  # type: ignore[arg-type]


@pytest.mark.parametrize("command", ["status", "create", "migrate"])
def test_a_server_that_is_not_there_gives_one_sentence(farm: Farm, command: str) -> None:
    said = told(farm, "--database", "postgresql://me:hunter2@127.0.0.1:1/jobs", command, code=1)

    assert said.startswith("forge-jobs-db: database postgresql://me@127.0.0.1:1/jobs cannot be reached: ")
    assert "hunter2" not in said
    assert len(said.splitlines()) == 1


def test_a_schema_that_is_not_there_says_how_to_get_it(farm: Farm) -> None:
    done = farm.run("enqueue", "noop")

    assert done.returncode == 1
    assert "has no forge-jobs schema: run forge-jobs-db create" in done.stderr


def test_moving_house_and_back(farm: Farm, tmp_path: Path) -> None:
    file, back = (f"sqlite:///{tmp_path / name}.sqlite" for name in ("old", "new"))
    old = ForgeJobs(file)
    jobs = old.enqueue_bulk([("noop", {}, {"unique_key": str(n)}) for n in range(25)])
    old.close()

    there = told(farm, "copy", "--from", file, "--to", farm.url)
    again = told(farm, "copy", "--from", farm.url, "--to", back)

    assert there.startswith("copied 25 jobs, 0 lines of error history, 0 queues and 0 schedules\nfrom ")
    assert there.splitlines()[-1] == again.splitlines()[-1] != ""
    assert farm.jobs.get(jobs[7].id).unique_key == "7"
    assert ForgeJobs(back).get(jobs[7].id).unique_key == "7"
    assert "is not empty" in told(farm, "copy", "--from", file, "--to", back, code=2)


def test_nothing_is_copied_from_where_nothing_is(farm: Farm, tmp_path: Path) -> None:
    said = told(farm, "copy", "--from", f"sqlite:///{tmp_path / 'none.sqlite'}", "--to", farm.url, code=1)

    assert said.startswith("forge-jobs-db: there is no queue in ")
    assert not (tmp_path / "none.sqlite").exists()
