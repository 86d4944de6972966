"""No message and no repr shows a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from forge_jobs import ForgeJobs
from forge_jobs.config import DatabaseConfig, Location, locate, read_config, without_password
from forge_jobs.errors import ForgeJobsError
from forge_jobs.storage import open_storage

SECRET = "hunter2"
URLS = [
    f"postgresql://me:{SECRET}@db:5432/jobs",
    f"postgres://me:{SECRET}@db/jobs?sslmode=require",
    f"postgresql://:{SECRET}@db/jobs",
    f"postgresql://me:p@ss/{SECRET}@db/jobs",
    f"postgresql://me:{SECRET}#@db/jobs",
    f"postgresql://db/jobs?user=me&password={SECRET}",
    f"mysql://me:{SECRET}@db/jobs",
    f"postgresql://me:{SECRET}@[::1/jobs",
    f"sqlite://me:{SECRET}@db/jobs",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_shown_without_its_password(url: str) -> None:
    shown = without_password(url)

    assert SECRET not in shown
    assert "***" in shown
    assert shown.startswith(url.partition("://")[0] + "://")


@pytest.mark.parametrize(
    "url", ["postgresql://db/jobs", "postgresql://me@db:5432/jobs", "sqlite:////srv/q.sqlite", "queue.sqlite", ""]
)
def test_a_url_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert without_password(url) == url


def test_the_rest_of_the_url_is_shown() -> None:
    assert without_password(f"postgresql://me:{SECRET}@db:5432/jobs") == "postgresql://me:***@db:5432/jobs"


@pytest.mark.parametrize("url", URLS)
def test_no_error_about_a_url_shows_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(ForgeJobsError) as told:
        open_storage(locate(url, environment={}, directory=tmp_path).url).operator.counts()
    assert SECRET not in str(told.value)

    with pytest.raises(ForgeJobsError) as told:
        open_storage(locate(environment={"FORGE_DATABASE_URL": url}, directory=tmp_path).url).operator.counts()
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("url", URLS)
def test_no_repr_shows_a_password(url: str) -> None:
    assert SECRET not in repr(Location(url, "FORGE_DATABASE_URL"))
    assert SECRET not in repr(DatabaseConfig(adapter="postgres", url=url))
    assert SECRET not in repr(DatabaseConfig(adapter="postgres", password=SECRET))
    assert SECRET not in str(DatabaseConfig(adapter="postgres", password=SECRET))
    assert SECRET not in repr(ForgeJobs(url))


def test_a_repr_still_shows_the_rest() -> None:
    assert "host='db'" in repr(DatabaseConfig(adapter="postgres", host="db", password=SECRET))
    assert "sqlite:////srv/q.sqlite" in repr(Location("sqlite:////srv/q.sqlite", "x"))


FILES = [
    f'adapter = "postgres"\npassword = "{SECRET}"\nzzz = 1',
    f'adapter = "oracle"\npassword = "{SECRET}"',
    f'adapter = "postgres"\nhost = 5\npassword = "{SECRET}"',
    f'adapter = "postgres"\npassword = "{SECRET}"\nhost = ',
    f'adapter = "postgres"\npassword = "{SECRET}',
    f'adapter = "postgres"\npassword = ["{SECRET}"]',
    f'adapter = "postgres"\npassword = "{SECRET}"\npassword = "{SECRET}"',
    f'adapter = "postgres"\npassword = "{SECRET}"',
    f'adapter = "postgres"\nhost = "h"\ndatabase = "d"\nusername = "u"\npassword_env = "{SECRET}"',
    f'url = "mysql://me:{SECRET}@db/jobs"',
]


@pytest.mark.parametrize("text", FILES)
def test_no_error_about_a_file_shows_the_password_in_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "queue_database.toml").write_text(text)

    with pytest.raises(ForgeJobsError) as told:
        open_storage(locate(environment={}, directory=tmp_path).url).operator.counts()

    assert SECRET not in str(told.value)


def test_the_config_that_was_read_keeps_the_password_to_itself(tmp_path: Path) -> None:
    (tmp_path / "queue_database.toml").write_text(f'adapter = "postgres"\npassword = "{SECRET}"')
    config = read_config(tmp_path / "queue_database.toml")

    assert config.password == SECRET
    assert SECRET not in f"{config} {config!r}"
