"""queue_database.toml: what may stand in it, and what a mistake is told as."""

from __future__ import annotations

from pathlib import Path

import pytest

from forge_jobs.config import ProjectPaths, locate, read_config, url_of
from forge_jobs.errors import ConfigError


def written(directory: Path, text: str) -> Path:
    file = directory / "queue_database.toml"
    file.write_text(text, encoding="utf-8")
    return file


def url(directory: Path, text: str, **environment: str) -> str:
    file = written(directory, text)
    return url_of(read_config(file), directory, ProjectPaths(environment, directory), environment)


def refused(directory: Path, text: str, **environment: str) -> str:
    with pytest.raises(ConfigError) as told:
        url(directory, text, **environment)
    return str(told.value)


POSTGRES = 'adapter = "postgres"\nhost = "db"\ndatabase = "jobs"\nusername = "me"\n'


def test_sqlite_needs_nothing_else_and_lies_in_the_data_directory(tmp_path: Path) -> None:
    assert url(tmp_path, 'adapter = "sqlite"') == f"sqlite:///{tmp_path}/jobs/data/queue.sqlite"


def test_a_relative_path_is_anchored_at_the_file(tmp_path: Path) -> None:
    assert url(tmp_path, 'adapter = "sqlite"\npath = "var/q.sqlite"') == f"sqlite:///{tmp_path}/var/q.sqlite"


def test_an_absolute_path_is_kept(tmp_path: Path) -> None:
    assert url(tmp_path, 'adapter = "sqlite"\npath = "/srv/q.sqlite"') == "sqlite:////srv/q.sqlite"


def test_postgres_has_defaults_for_its_port_and_its_connections(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, POSTGRES + 'password = "pw"'))

    assert (config.port, config.max_connections) == (5432, 30)
    assert url(tmp_path, POSTGRES + 'password = "pw"') == "postgresql://me:pw@db:5432/jobs"


def test_postgres_takes_a_port_and_a_number_of_connections(tmp_path: Path) -> None:
    text = POSTGRES + 'password = "pw"\nport = 5433\nmax_connections = 5'

    assert read_config(written(tmp_path, text)).max_connections == 5
    assert url(tmp_path, text) == "postgresql://me:pw@db:5433/jobs"


def test_a_password_is_quoted_for_the_url(tmp_path: Path) -> None:
    assert url(tmp_path, POSTGRES + 'password = "p@ss/w:rd %"') == "postgresql://me:p%40ss%2Fw%3Ard%20%25@db:5432/jobs"


def test_the_password_may_stand_in_the_environment(tmp_path: Path) -> None:
    assert url(tmp_path, POSTGRES + 'password_env = "DB_PW"', DB_PW="s3") == "postgresql://me:s3@db:5432/jobs"


def test_a_literal_password_beats_the_environment(tmp_path: Path) -> None:
    text = POSTGRES + 'password = "literal"\npassword_env = "DB_PW"'

    assert url(tmp_path, text, DB_PW="other") == "postgresql://me:literal@db:5432/jobs"


def test_without_a_password_both_keys_are_named(tmp_path: Path) -> None:
    told = refused(tmp_path, POSTGRES)

    assert "'password'" in told
    assert "'password_env'" in told


def test_a_password_variable_that_is_not_set_is_told_without_its_name(tmp_path: Path) -> None:
    """People put the password itself there."""
    told = refused(tmp_path, POSTGRES + 'password_env = "hunter"')

    assert "'password_env' is not set" in told
    assert "hunter" not in told


@pytest.mark.parametrize("key", ["host", "database", "username"])
def test_a_key_that_postgres_needs_is_named(tmp_path: Path, key: str) -> None:
    lines = [line for line in POSTGRES.splitlines() if not line.startswith(key)]

    assert f"needs the key '{key}'" in refused(tmp_path, "\n".join(lines) + '\npassword = "pw"')


def test_a_url_says_everything(tmp_path: Path) -> None:
    assert url(tmp_path, 'url = "sqlite:///var/q.sqlite"') == f"sqlite:///{tmp_path}/var/q.sqlite"
    assert url(tmp_path, 'url = "postgresql://me:pw@db/jobs"') == "postgresql://me:pw@db/jobs"


@pytest.mark.parametrize("text", ["", 'path = "q.sqlite"', 'adapter = "mysql"', "adapter = 5"])
def test_an_adapter_that_is_missing_or_unknown_is_told_with_both_that_exist(tmp_path: Path, text: str) -> None:
    told = refused(tmp_path, text)

    assert told.startswith(f"{tmp_path}/queue_database.toml: key 'adapter' ")
    assert 'adapter = "sqlite"' in told
    assert 'adapter = "postgres"' in told


@pytest.mark.parametrize(
    ("key", "meant"),
    [("adpter", "adapter"), ("pasword", "password"), ("max_conections", "max_connections"), ("Path", "path")],
)
def test_a_key_that_is_mistyped_is_told_with_the_one_meant(tmp_path: Path, key: str, meant: str) -> None:
    told = refused(tmp_path, f'adapter = "sqlite"\n{key} = "x"')

    assert told == f"{tmp_path}/queue_database.toml: unknown key {key!r}; did you mean {meant!r}?"


def test_a_key_like_no_other_is_told_with_all_there_are(tmp_path: Path) -> None:
    told = refused(tmp_path, 'adapter = "sqlite"\nzzz = 1')

    assert "unknown key 'zzz'; known keys are adapter, url, path, host" in told


@pytest.mark.parametrize("line", ["port = '5432'", "path = 5", "max_connections = 1.5", "password = 5"])
def test_a_value_of_the_wrong_type_is_told_with_its_key(tmp_path: Path, line: str) -> None:
    told = refused(tmp_path, f'adapter = "sqlite"\n{line}')

    assert f"{tmp_path}/queue_database.toml: Expected" in told
    assert line.split(" ")[0] in told


@pytest.mark.parametrize("text", ["adapter = ", "[", "adapter = 'a", "\0"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    assert f"{tmp_path}/queue_database.toml is not valid TOML" in refused(tmp_path, text)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "queue_database.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="is not valid TOML"):
        read_config(tmp_path / "queue_database.toml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read: No such file"):
        read_config(tmp_path / "nowhere.toml")


def test_the_file_decides_where_the_database_is_and_is_named_as_the_reason(tmp_path: Path) -> None:
    file = written(tmp_path, 'adapter = "sqlite"\npath = "q.sqlite"')

    found = locate(environment={}, directory=tmp_path)

    assert (found.url, found.origin) == (f"sqlite:///{tmp_path}/q.sqlite", str(file))
