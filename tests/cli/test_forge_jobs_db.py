"""``forge-jobs-db`` as a user types it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from tests.support.farm import PATIENCE, Farm

PROGRAM = "forge_jobs.db_cli"


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    done = farm.run(*arguments, program=PROGRAM, stdin=subprocess.DEVNULL)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def on_a_terminal(farm: Farm, *arguments: str, typed: str) -> tuple[int, str]:
    """Run the command on a pseudo-terminal and type."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", PROGRAM, *arguments], cwd=farm.directory, env=farm.environment,
        stdin=child, stdout=child, stderr=child,
    )  # fmt: skip
    os.close(child)
    os.write(parent, (typed + "\n").encode())
    said = b""
    while True:
        try:
            chunk = os.read(parent, 4096)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        said += chunk
    os.close(parent)
    return process.wait(timeout=PATIENCE), said.decode()


def test_create_migrate_and_status(farm: Farm) -> None:
    assert json.loads(told(farm, "status", "--json"))["exists"] is False
    assert not (farm.directory / "queue.sqlite").exists()
    assert "created" in told(farm, "create")
    assert "already there" in told(farm, "create")
    assert "nothing to apply" in told(farm, "migrate")
    status = json.loads(told(farm, "status", "--json"))
    assert status["adapter"] == "sqlite"
    assert status["location"] == str(farm.directory / "queue.sqlite")
    assert status["schema_version"] == status["newest_version"]
    assert status["pending_migrations"] == []


def test_status_counts_jobs(farm: Farm) -> None:
    farm.jobs.enqueue_bulk([("noop", {})] * 3)
    assert json.loads(told(farm, "status", "--json"))["queues"]["default"]["pending"] == 3
    assert "pending 3" in told(farm, "status")


@pytest.mark.parametrize("verb", ["reset", "drop"])
def test_nothing_is_destroyed_without_a_word(farm: Farm, verb: str) -> None:
    farm.jobs.enqueue("noop")
    assert "pass --yes" in told(farm, verb, code=2)
    code, said = on_a_terminal(farm, verb, typed="yes")
    assert code == 2
    assert "nothing was changed" in said
    assert farm.jobs.counts()["default"].pending == 1


@pytest.mark.parametrize("verb", ["reset", "drop"])
def test_the_name_typed_on_a_terminal_is_a_word(farm: Farm, verb: str) -> None:
    farm.jobs.enqueue("noop")
    code, said = on_a_terminal(farm, verb, typed="queue.sqlite")
    assert code == 0, said
    assert farm.jobs.counts() == {}


def test_reset_leaves_the_file_under_a_live_producer(farm: Farm) -> None:
    farm.jobs.enqueue("noop")
    inode = (farm.directory / "queue.sqlite").stat().st_ino
    told(farm, "reset", "--yes")
    farm.jobs.enqueue("noop")
    assert (farm.directory / "queue.sqlite").stat().st_ino == inode
    assert json.loads(told(farm, "status", "--json"))["queues"]["default"]["pending"] == 1


def test_a_producer_notices_that_the_database_was_dropped(farm: Farm) -> None:
    farm.jobs.enqueue("noop")
    told(farm, "drop", "--yes")
    assert [f.name for f in farm.directory.glob("queue.sqlite*")] == ["queue.sqlite-turnstile"]
    farm.jobs.enqueue("noop")
    assert json.loads(told(farm, "status", "--json"))["queues"]["default"]["pending"] == 1
    assert "dropped" in told(farm, "drop", "--yes")
    assert "not there" in told(farm, "drop", "--yes")


@pytest.mark.parametrize("verb", ["reset", "drop"])
def test_live_workers_are_protected(farm: Farm, verb: str) -> None:
    farm.supervise().up(2)
    assert "live supervisor" in told(farm, verb, "--yes", code=1)
    told(farm, verb, "--yes", "--force")


@pytest.mark.parametrize("verb", ["reset", "drop"])
def test_a_farm_survives_that_its_database_is_emptied_under_it(farm: Farm, verb: str) -> None:
    supervised = farm.supervise()
    supervised.up(2)
    told(farm, verb, "--yes", "--force")
    assert farm.jobs.enqueue("noop").result(timeout=30) is None
    supervised.up(2)
    assert farm.run("workers").stdout.count("idle") == 4, "and others see it alive"


def test_a_newer_schema_is_refused(farm: Farm) -> None:
    import apsw

    farm.jobs.counts()
    farm.jobs.close()
    connection = apsw.Connection(str(farm.directory / "queue.sqlite"))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for command in ("status", "migrate", "create"):
        assert "schema version 99, made by a newer forge-jobs" in told(farm, command, code=1)


def test_a_foreign_database_is_refused(farm: Farm) -> None:
    import apsw

    connection = apsw.Connection(str(farm.directory / "queue.sqlite"))
    connection.execute("CREATE TABLE customers (name)")
    connection.close()
    assert "a SQLite database of another program" in told(farm, "create", code=1)


def test_options_may_stand_before_the_command(farm: Farm) -> None:
    told(farm, "--database", "sqlite:///b.sqlite", "create")
    assert (farm.directory / "b.sqlite").exists()


def test_a_typo_in_the_configuration_is_named(farm: Farm) -> None:
    del farm.environment["FORGE_DATABASE_URL"]
    (farm.directory / "queue_database.toml").write_text('adaptor = "sqlite"\n')
    assert "did you mean 'adapter'?" in told(farm, "status", code=2)


def test_every_command_answers_a_program_too(farm: Farm) -> None:
    def told(*arguments: str) -> dict[str, object]:
        done = farm.run(*arguments, "--json", program="forge_jobs.db_cli")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    assert told("create")["created"] is True
    assert told("migrate")["applied"] == []
    assert told("reset", "--yes")["reset"] is True
    other = f"sqlite:///{farm.directory / 'other.sqlite'}"
    assert told("copy", "--from", farm.url, "--to", other)["jobs"] == 0
    assert told("drop", "--yes")["dropped"] is True
