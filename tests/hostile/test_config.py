"""Configuration that somebody typed: whatever it is, one sentence says what is wrong with it, without its password."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from forge_jobs import ForgeJobs
from forge_jobs.config import CONFIG_NAME, DatabaseConfig, app_name, locate, queues_from, stale_after
from forge_jobs.errors import ForgeJobsError
from forge_jobs.storage import open_storage
from tests.support.hostile import check_refusal, texts

SECRET = "s3cret"
LONGEST_PATHS = 20_000
VALUES = ["5", "-1", "99999999999999999999", "1e400", "nan", "inf", "true", '""', '"x"', '"\\u0000"', '"\\u001b[2J"',
          '"~nobody-at-all/x"', '"postgresql://u:s3cret@/"', '"host=h password=s3cret"', '"mysql://u:s3cret@h/d"', "[]",
          "[1, [2]]", "{a = 1}", "2024-01-01", "1979-05-27T07:32:00Z", f'"{"x" * 5000}"', "'''\n'''"]  # fmt: skip
SHAPES = ["tool = 1", "[tool]\nforge-jobs = 'x'", "[tool.forge-jobs]\napp = []", "[tool.forge-jobs.app]"]
FILES = [
    b"",
    b"\xff\xfe",
    b"\x00",
    b"adapter",
    b"a = " + b"[" * 20_000,
    b"a = " + b"9" * 5000,
    b"adapter = 'sqlite'\nadapter = 'sqlite'",
    b"[adapter]\nurl = 1",
    b"password = 's3cret",
    b"adapter = 'postgres'\npassword = 's3cret'",
    b"adapter = 'postgres'\npassword_env = 's3cret'\nhost='h'\ndatabase='d'\nusername='u'",
    b"adapter = 'postgres'\npassword = 's3cret'\nhost='h@x'\ndatabase='d/e?f'\nusername='u'",
]
URLS = [
    "", " ", "sqlite://", "sqlite:///", "sqlite:////", "sqlite:///%00", "sqlite:///\udcff", "sqlite:///" + "x" * 5000,
    "~nobody-at-all/queue", "x" * 300, "\0", "\x1b[2J", "file:x", "mysql://u:s3cret@h/d", "postgres:u:s3cret@h",
    "host=h user=u password=s3cret", "postgresql://u:s3cret@h:x/d", "postgresql://u:s3cret@h:99999/d",
    "postgresql://u:s3cret@h/d?bogus=1", "postgresql://u:s3cret@h/d?schema=a;b", "postgresql://u:s3cret@h/d?stale_after=nan",
    "postgresql://u:s3cret@h/d?pooled=maybe", "postgresql://u:s3cret@[h/d", "postgresql://u:s3cret/x@h/d",
    "postgresql://u:s3cret@x@h/d", "postgresql://u:s3cret%zz@h/d", "postgresql://h/d?password=s3cret&bogus=1",
    "postgresql://u:s3cret%00@127.0.0.1:1/d", "postgresql://u:s3cret@127.0.0.1:1/d?connect_timeout=x",
    "postgresql://u:s3cret@127.0.0.1:1/d", "postgresql://u:s3cret@127.0.0.1:1/d?sslmode=bogus",
]  # fmt: skip


def use(directory: Path, environment: dict[str, str], **told: Any) -> None:
    """Find the database and look whether it is there; fail unless a refusal is as it should be."""
    said = ""
    try:
        location = locate(environment=environment, directory=directory, **told)
        assert SECRET not in repr(location)
        storage = open_storage(location.url, deadline=2.0)
        assert SECRET not in storage.location
        storage.schema.describe()
        storage.close()
    except ForgeJobsError as error:
        check_refusal(error, LONGEST_PATHS)
        said = str(error)
    assert SECRET not in said


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("key", [*DatabaseConfig.__struct_fields__, "other"])
def test_any_value_of_any_key(tmp_path: Path, key: str, value: str) -> None:
    for adapter in ("sqlite", "postgres"):
        more = "" if key == "adapter" else f"adapter = '{adapter}'\n"
        if SECRET in value and key not in ("url", "path", "adapter", "password"):
            continue  # what is written as a user or a host is no secret
        more += "".join(f"{k} = '127.0.0.1'\n" for k in ("host", "database", "username", "password") if k != key)
        more += "" if key == "port" else "port = 1\n"
        (tmp_path / CONFIG_NAME).write_text(f"{more}{key} = {value}\n")
        use(tmp_path, {})


@pytest.mark.parametrize("content", FILES)
def test_any_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CONFIG_NAME).write_bytes(content)
    use(tmp_path, {})
    (tmp_path / "pyproject.toml").write_bytes(content)
    try:
        app_name(tmp_path, {})
    except ForgeJobsError as error:
        check_refusal(error, LONGEST_PATHS)


@pytest.mark.parametrize("content", SHAPES)
def test_a_project_file_of_another_shape_names_no_application(tmp_path: Path, content: str) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    assert app_name(tmp_path, {}) is None


@pytest.mark.parametrize("url", URLS)
def test_any_url_wherever_it_is_said(tmp_path: Path, url: str) -> None:
    use(tmp_path, {"FORGE_DATABASE_URL": url})
    use(tmp_path, {}, database=url)


@given(texts)
def test_any_text_in_the_environment(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    names = ("JOBS_CONFIG_DIR", "JOBS_DATA_DIR", "FORGE_QUEUES", "FORGE_STALE_AFTER", "FORGE_APP")
    environment = dict.fromkeys(names, text.replace("\0", ""))
    directory = tmp_path_factory.getbasetemp()
    for read in (
        lambda: locate(environment=environment, directory=directory).url,
        lambda: queues_from(environment),
        lambda: stale_after(environment),
        lambda: app_name(directory, environment),
        lambda: open_storage(locate(text, environment=environment, directory=directory).url),
    ):
        try:
            read()
        except ForgeJobsError as error:
            check_refusal(error, LONGEST_PATHS)


@pytest.mark.parametrize("config", ["/", "/nowhere", "x" * 5000, "/dev/null", "/proc/self/mem"])
def test_a_file_that_is_none(tmp_path: Path, config: str) -> None:
    use(tmp_path, {}, config=config)


def test_a_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ForgeJobsError, match="working directory is not there") as refused:
        ForgeJobs().location  # noqa: B018 - it is looked up
    check_refusal(refused.value)
    os.chdir(tmp_path)
