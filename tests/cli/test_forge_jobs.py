"""``forge-jobs`` as a user types it: what is printed, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.farm import Farm, eventually

APP = ("--app", "application:jobs")


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    """Run a command, expect its exit code, and return what it said where it matters."""
    done = farm.run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_enqueue_prints_the_id_and_show_shows_the_job(farm: Farm) -> None:
    job_id = told(farm, "enqueue", "note", "--payload", '{"path": "x", "text": "é"}', "--priority", "-3", *APP).strip()
    shown = json.loads(told(farm, "show", job_id, "--json"))
    assert (shown["id"], shown["kind"], shown["status"], shown["priority"]) == (job_id, "note", "pending", -3)
    assert shown["payload"] == {"path": "x", "text": "é"}
    assert (shown["value"], shown["error_history"]) == (None, [])
    assert job_id in told(farm, "show", job_id)


def test_a_payload_comes_from_a_file_or_from_standard_input(farm: Farm) -> None:
    (farm.directory / "payload.json").write_text('{"seconds": 1.5}')
    by_file = told(farm, "enqueue", "spin", "--payload", "@payload.json", *APP).strip()
    by_input = farm.run("enqueue", "spin", "--payload", "-", *APP, input='{"seconds": 2}').stdout.strip()
    assert farm.jobs.get(by_file).payload == {"seconds": 1.5}
    assert farm.jobs.get(by_input).payload == {"seconds": 2}


def test_a_unique_key_gives_back_the_live_job(farm: Farm) -> None:
    first = json.loads(told(farm, "enqueue", "noop", "--unique-key", "k", "--json", *APP))
    second = json.loads(told(farm, "enqueue", "noop", "--unique-key", "k", "--json", *APP))
    assert (first["deduplicated"], second["deduplicated"]) == (False, True)
    assert first["id"] == second["id"]


def test_a_job_can_be_enqueued_for_later(farm: Farm) -> None:
    told(farm, "enqueue", "noop", "--run-at", "+1h", *APP)
    told(farm, "enqueue", "noop", "--run-at", "2999-01-01T00:00:00Z", *APP)
    queues = json.loads(told(farm, "status", "--json"))["queues"]
    assert (queues["default"]["scheduled"], queues["default"]["pending"]) == (2, 0)


def test_wait_prints_the_result_or_fails_with_the_cause(farm: Farm) -> None:
    farm.supervise().up(2)
    assert json.loads(told(farm, "enqueue", "note", "--payload", '{"path": "n"}', "--wait", *APP)) == "ran"
    assert "never again" in told(farm, "enqueue", "doomed", "--wait", *APP, code=1)


def test_status_has_the_documented_fields(farm: Farm) -> None:
    told(farm, "enqueue", "noop", *APP)
    status = json.loads(told(farm, "status", "--json"))
    assert set(status) == {"database", "queues", "unserved", "troubles"}
    assert status["database"] == farm.url
    assert set(status["queues"]["default"]) == {
        "pending", "scheduled", "in_progress", "held", "done", "failed", "dead", "paused", "workers",
        "oldest_ready_seconds",
    }  # fmt: skip
    assert status["unserved"] == [
        {"queue": "default", "kind": "noop", "jobs": 1, "reason": "no worker serves the queue"}
    ]
    assert "unserved: 1 of kind noop" in told(farm, "status")


def test_jobs_are_listed_in_pages(farm: Farm) -> None:
    ids = [job.id for job in farm.jobs.enqueue_bulk([("noop", {})] * 5)]
    first = json.loads(told(farm, "jobs", "--json", "--limit", "3"))
    rest = json.loads(told(farm, "jobs", "--json", "--limit", "3", "--before", str(first["next"])))
    assert [job["id"] for job in first["jobs"] + rest["jobs"]] == ids[::-1]
    assert rest["next"] is None
    assert json.loads(told(farm, "jobs", "--json", "--status", "dead"))["jobs"] == []
    assert all(i in told(farm, "jobs") for i in ids)


def test_queues_and_workers_show_who_serves_what(farm: Farm) -> None:
    farm.supervise().up(4)
    registry = farm.jobs.storage.registry
    eventually(lambda: {w.state for _host, w in registry.workers()} == {"idle"}, told="the workers to be up")
    queues = json.loads(told(farm, "queues", "--json"))["queues"]
    assert [queue["name"] for queue in queues] == ["default", "other"]
    shown = json.loads(told(farm, "workers", "--json"))
    assert len(shown["hosts"]) == 1
    assert sorted((w["queue"], w["number"]) for w in shown["workers"]) == [
        ("default", 1), ("default", 2), ("other", 1), ("other", 2),
    ]  # fmt: skip
    assert {w["state"] for w in shown["workers"]} == {"idle"}
    assert "default #1" in told(farm, "workers")
    assert json.loads(told(farm, "status", "--json"))["queues"]["default"]["workers"] == 2


BAD = {
    "no application": (["supervise"], 2, "no application: say --app MODULE:ATTR"),
    "an application that is not there": (["supervise", "--app", "nope:jobs"], 2, "there is no module 'nope'"),
    "a wrong attribute": (["supervise", "--app", "application:job"], 2, "did you mean application:jobs?"),
    "a queue name with a space": (["supervise", *APP, "--queue", "a b"], 2, "queue name 'a b' is not valid"),
    "a queue name with a comma": (["enqueue", "noop", "--queue", "a,b", *APP], 2, "queue name 'a,b' is not valid"),
    "a queue with a bad number": (["supervise", *APP, "--queue", "a=x"], 2, "'x' is not a number of workers"),
    "an unknown kind": (["enqueue", "nop", *APP], 2, "did you mean 'noop'?"),
    "a payload that is no JSON": (["enqueue", "noop", "--payload", "{x", *APP], 2, "is not JSON"),
    "a payload that is no object": (["enqueue", "noop", "--payload", "[1]", *APP], 2, "must be a dict of arguments"),
    "a payload that does not fit": (["enqueue", "spin", "--payload", '{"seconds": "x"}', *APP], 2, "at `seconds`"),
    "a payload with an unknown argument": (["enqueue", "noop", "--payload", '{"a": 1}', *APP], 2, "argument 'a'"),
    "a payload with one missing": (["enqueue", "spin", *APP], 2, "argument 'seconds' is missing"),
    "a payload file that is not there": (["enqueue", "noop", "--payload", "@gone", *APP], 2, "'gone' cannot be read"),
    "a priority out of range": (["enqueue", "noop", "--priority", "99999999999", *APP], 2, "priority 99999999999"),
    "too many attempts": (["enqueue", "noop", "--max-attempts", "0", *APP], 2, "max_attempts 0"),
    "a time without a zone": (["enqueue", "noop", "--run-at", "2030-01-01T00:00", *APP], 2, "has no zone"),
    "a time that is none": (["enqueue", "noop", "--run-at", "soon", *APP], 2, "time 'soon' is not valid"),
    "a time beyond all": (["enqueue", "noop", "--run-at", "9999-12-31T23:59:59-14:00", *APP], 2, "out of range"),
    "an empty database": (["enqueue", "noop", "--database", "", *APP], 2, "is an empty text"),
    "a path with a long name": (["status", "--database", "x" * 300], 2, "cannot be used"),
    "a grace that is no number": (["supervise", "--grace", "nan", *APP], 2, "is no number of seconds"),
    "an id that is none": (["show", "12"], 2, "'12' is not a job id"),
    "a job that is not there": (["show", "01a20c43-72a6-765a-b8d8-ab0b21b3e9aa"], 2, "there is no job"),
    "a URL of another kind": (["status", "--database", "mysql://u:secret@h/d"], 2, "mysql://u:***@h/d"),
    "a directory as the database": (["enqueue", "noop", *APP, "--database", "."], 1, "is a directory"),
    "a configuration that is not there": (["status", "--config", "nowhere.toml"], 2, "is not there"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_one_sentence(farm: Farm, what: str) -> None:
    farm.jobs.counts()  # so that there is a database to look into
    arguments, code, sentence = BAD[what]
    said = told(farm, *arguments, code=code)
    assert sentence in said
    assert len(said.strip().splitlines()) <= 1 or what.startswith(("no app", "an app", "a wrong", "a queue", "a grace"))
    assert "secret" not in said
    assert farm.jobs.counts() == {}, "nothing is half-written"


def test_looking_does_not_create_a_database(farm: Farm) -> None:
    for command in ("status", "jobs", "queues", "workers"):
        assert "there is no database" in told(farm, command, "--database", "sqlite:///elsewhere.sqlite", code=1)
    assert not (farm.directory / "elsewhere.sqlite").exists()


def test_a_file_that_is_no_database_is_left_alone(farm: Farm) -> None:
    file = farm.directory / "letter.txt"
    file.write_text("Dear Sir or Madam, " * 100)
    assert "is not a SQLite database" in told(farm, "enqueue", "noop", *APP, "--database", str(file), code=1)
    assert file.read_text() == "Dear Sir or Madam, " * 100


def test_a_supervisor_on_a_bad_database_stops_with_one_sentence(farm: Farm) -> None:
    for database, sentence in ((".", "is a directory"), ("application.py", "is not a SQLite database")):
        supervised = farm.supervise("--database", database)
        assert supervised.wait() == 1
        assert sentence in supervised.log
        assert "Traceback" not in supervised.log


def test_the_application_comes_from_the_environment_or_from_pyproject(farm: Farm) -> None:
    (farm.directory / "pyproject.toml").write_text('[tool.forge-jobs]\napp = "application:jobs"\n')
    assert "did you mean 'noop'?" in told(farm, "enqueue", "nop", code=2)
    farm.environment["FORGE_APP"] = "missing:jobs"
    assert "there is no module 'missing'" in told(farm, "enqueue", "nop", code=2)


def test_queues_come_from_the_environment(farm: Farm) -> None:
    farm.environment["FORGE_QUEUES"] = " other , ,other"
    farm.environment["FORGE_WORKER_PREFIX"] = "blue"
    farm.environment["FORGE_WORKER_VERSION"] = "v7"
    farm.supervise(workers=1).up(1)
    shown = json.loads(told(farm, "workers", "--json"))
    assert [w["queue"] for w in shown["workers"]] == ["other"]
    assert shown["hosts"][0]["label"].startswith("blue-")
    assert shown["hosts"][0]["version"] == "v7"


def test_a_configuration_file_in_a_parent_directory_is_found(farm: Farm) -> None:
    del farm.environment["FORGE_DATABASE_URL"]
    below = farm.directory / "a" / "b"
    below.mkdir(parents=True)
    (farm.directory / "queue_database.toml").write_text('adapter = "sqlite"\npath = "data/q.sqlite"\n')
    farm.environment["PYTHONPATH"] = str(farm.directory)
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "forge_jobs_supervisor", "enqueue", "noop", *APP],
        cwd=below, env=farm.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (farm.directory / "data" / "q.sqlite").exists()


def test_every_command_explains_itself(farm: Farm) -> None:
    listed = told(farm, "--help")
    for command in ("supervise", "enqueue", "status", "jobs", "show", "queues", "workers"):
        assert command in listed
        assert "Usage: forge-jobs" in told(farm, command, "--help")


def test_the_database_file_is_for_its_owner_only(farm: Farm) -> None:
    farm.jobs.enqueue("noop")
    for file in Path(farm.directory).glob("queue.sqlite*"):
        assert file.stat().st_mode & 0o077 == 0, file
