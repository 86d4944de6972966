"""``forge-jobs doctor`` as typed."""

from __future__ import annotations

import json

from tests.support.farm import Farm


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    done = farm.run("doctor", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code < 2 else done.stderr


def test_a_farm_that_is_well(farm: Farm) -> None:
    farm.supervise().up(4)

    said = told(farm, "--deep")

    assert "PROBLEM" not in said
    assert "OK       schema:" in said
    assert "OK       integrity:     the file is sound" in said
    assert "OK       supervisors:   1 live: " in said
    assert f"{farm.url} FORGE_DATABASE_URL" in " ".join(said.split())


def test_the_configuration_tells_where_each_value_comes_from(farm: Farm) -> None:
    farm.jobs.counts()
    del farm.environment["FORGE_DATABASE_URL"]
    farm.environment["FORGE_WORKER_PREFIX"] = "blue"
    file = farm.directory / "queue_database.toml"
    file.write_text('adapter = "sqlite"\npath = "queue.sqlite"\n')

    values = {v["name"]: (v["value"], v["origin"]) for v in json.loads(told(farm, "--json"))["configuration"]}

    assert values["database"] == (farm.url, str(file))
    assert values["database.path"] == ("queue.sqlite", str(file))
    assert values["database.port"] == ("5432", "the default")
    assert values["FORGE_WORKER_PREFIX"] == ("blue", "the environment")
    assert values["FORGE_STALE_AFTER"] == ("60", "the default")


def test_a_password_is_never_shown(farm: Farm) -> None:
    del farm.environment["FORGE_DATABASE_URL"]
    (farm.directory / "queue_database.toml").write_text(
        'adapter = "postgres"\nhost = "127.0.0.1"\nport = 1\ndatabase = "d"\nusername = "u"\npassword = "secret"\n'
    )

    for said in (told(farm, code=1), told(farm, "--json", code=1)):
        assert "secret" not in said
        assert "cannot be reached" in said


def test_a_problem_is_exit_code_one(farm: Farm) -> None:
    said = told(farm, "--database", "sqlite:///nowhere.sqlite", code=1)

    assert "PROBLEM  schema:        there is no database" in said
    assert not (farm.directory / "nowhere.sqlite").exists()
    answer = json.loads(told(farm, "--database", "sqlite:///nowhere.sqlite", "--json", code=1))
    assert [(check["name"], check["level"]) for check in answer["checks"]] == [("schema", "problem")]


def test_a_wrong_configuration_is_a_usage_error(farm: Farm) -> None:
    assert "is not there" in told(farm, "--config", "nowhere.toml", code=2)
