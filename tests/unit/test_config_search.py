"""Which database: the call, the environment, the file, the project, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest

from forge_jobs.config import ProjectPaths, QueuePaths, app_name, find_config, locate, project_root
from forge_jobs.errors import ConfigError
from forge_jobs.storage.connect import sqlite_path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose root is marked."""
    root = tmp_path / "project"
    (root / "a" / "b" / "c" / "d").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    return root


def config_at(directory: Path, path: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "queue_database.toml"
    file.write_text(f'adapter = "sqlite"\npath = "{path}"')
    return file


def test_without_anything_the_database_lies_in_the_project(project: Path) -> None:
    found = locate(environment={}, directory=project / "a" / "b")

    assert found.url == f"sqlite:///{project}/jobs/data/queue.sqlite"
    assert found.origin.startswith("the default")


def test_outside_of_a_project_it_lies_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forge_jobs.config._PROJECT_MARKS", ("no-such-mark",))

    assert locate(environment={}, directory=tmp_path).url == f"sqlite:///{tmp_path}/jobs/data/queue.sqlite"


@pytest.mark.parametrize("mark", ["queue_database.toml", "pyproject.toml", "setup.py", "setup.cfg", ".git"])
def test_a_project_is_marked_by_any_of_its_files(tmp_path: Path, mark: str) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / mark).touch()

    assert project_root(tmp_path / "deep" / "deeper") == tmp_path


def test_the_nearest_mark_is_the_project(project: Path) -> None:
    (project / "a" / "setup.py").touch()

    assert project_root(project / "a" / "b") == project / "a"


def test_the_call_beats_everything(project: Path) -> None:
    config_at(project, "file.sqlite")

    found = locate("sqlite:///call.sqlite", environment={"FORGE_DATABASE_URL": "env.sqlite"}, directory=project)

    assert found.url == f"sqlite:///{project}/call.sqlite"
    assert "call" in found.origin


def test_the_environment_beats_every_file(project: Path) -> None:
    named = config_at(project / "elsewhere", "named.sqlite")
    config_at(project, "file.sqlite")

    found = locate(config=named, environment={"FORGE_DATABASE_URL": "sqlite:///env.sqlite"}, directory=project)

    assert (found.url, found.origin) == (f"sqlite:///{project}/env.sqlite", "FORGE_DATABASE_URL")


def test_an_empty_variable_counts_as_none(project: Path) -> None:
    assert locate(environment={"FORGE_DATABASE_URL": ""}, directory=project).url.endswith("jobs/data/queue.sqlite")


def test_a_named_file_beats_those_that_are_found(project: Path) -> None:
    named = config_at(project / "elsewhere", "named.sqlite")
    config_at(project, "file.sqlite")

    found = locate(config="elsewhere/queue_database.toml", environment={}, directory=project)

    assert (found.url, found.origin) == (f"sqlite:///{project}/elsewhere/named.sqlite", str(named))


def test_a_named_file_that_is_not_there_is_an_error(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"configuration file .*project/no\.toml is not there"):
        locate(config="no.toml", environment={}, directory=project)


def test_the_file_is_looked_for_in_four_directories_the_nearest_first(project: Path) -> None:
    top = config_at(project, "top.sqlite")
    nearer = config_at(project / "a" / "b", "nearer.sqlite")
    paths = ProjectPaths({}, project)

    assert find_config(project / "a" / "b" / "c", paths) == nearer
    assert find_config(project / "a", paths) == top
    nearer.unlink()
    assert find_config(project / "a" / "b" / "c", paths) == top
    assert find_config(project / "a" / "b" / "c" / "d", paths) is None


def test_then_it_is_looked_for_in_the_configuration_directory(project: Path) -> None:
    file = config_at(project / "jobs" / "config", "conf.sqlite")

    found = locate(environment={}, directory=project)

    assert (found.url, found.origin) == (f"sqlite:///{project}/jobs/config/conf.sqlite", str(file))


def test_the_environment_moves_both_directories(project: Path) -> None:
    environment = {"JOBS_CONFIG_DIR": "conf", "JOBS_DATA_DIR": "/srv/data"}
    assert locate(environment=environment, directory=project / "a").url == "sqlite:////srv/data/queue.sqlite"

    config_at(project / "conf", "/x/y.sqlite")
    assert locate(environment=environment, directory=project / "a").url == "sqlite:////x/y.sqlite"


def test_a_relative_data_directory_is_anchored_at_the_project(project: Path) -> None:
    found = locate(environment={"JOBS_DATA_DIR": "var"}, directory=project / "a" / "b")

    assert found.url == f"sqlite:///{project}/var/queue.sqlite"


class OwnPaths:
    """A host's own layout."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def config_dir(self) -> Path:
        return self.root / "etc"

    def data_dir(self) -> Path:
        return self.root / "var"


def test_a_host_may_bring_its_own_layout(project: Path, tmp_path: Path) -> None:
    own = OwnPaths(tmp_path / "own")
    assert isinstance(own, QueuePaths)
    assert locate(config=own, environment={}, directory=project).url == f"sqlite:///{tmp_path}/own/var/queue.sqlite"

    config_at(own.config_dir(), "etc.sqlite")
    assert locate(config=own, environment={}, directory=project).url == f"sqlite:///{tmp_path}/own/etc/etc.sqlite"


@pytest.mark.parametrize(
    ("database", "path"),
    [
        ("queue.sqlite", "{root}/queue.sqlite"),
        ("var/../queue.sqlite", "{root}/queue.sqlite"),
        ("/srv/queue.sqlite", "/srv/queue.sqlite"),
        ("sqlite:///queue.sqlite", "{root}/queue.sqlite"),
        ("sqlite:////srv/queue.sqlite", "/srv/queue.sqlite"),
        ("sqlite:////srv/my%20queue.sqlite", "/srv/my queue.sqlite"),
        ("/srv/my queue.sqlite", "/srv/my queue.sqlite"),
        ("/srv/100%.sqlite", "/srv/100%.sqlite"),
        ("/srv/a%20b.sqlite", "/srv/a%20b.sqlite"),
        ("/srv/what?.sqlite", "/srv/what?.sqlite"),
        ("/srv/a#b.sqlite", "/srv/a#b.sqlite"),
        ("/srv/é漢.sqlite", "/srv/é漢.sqlite"),
    ],
)
def test_a_database_is_named_by_a_path_or_a_url(project: Path, database: str, path: str) -> None:
    found = locate(database, environment={}, directory=project / "a")

    assert str(sqlite_path(found.url)) == path.format(root=project)


def test_a_path_may_begin_at_home(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert locate("~/q.sqlite", environment={}, directory=project).url == f"sqlite:///{tmp_path}/q.sqlite"


@pytest.mark.parametrize("database", ["", "sqlite://", "sqlite:///", "sqlite://queue.sqlite"])
def test_a_url_without_a_path_is_refused_with_the_right_form(project: Path, database: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///"):
        locate(database, environment={}, directory=project)


@pytest.mark.parametrize("database", ["mysql://db/jobs", "file:///srv/q.sqlite", "sqlite3:////srv/q.sqlite"])
def test_a_database_of_another_sort_is_refused(database: str) -> None:
    with pytest.raises(ConfigError, match="is not valid"):
        sqlite_path(database)


def test_the_application_is_named_by_the_environment(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.forge-jobs]\napp = "file:jobs"')

    assert app_name(project, {"FORGE_APP": "env:jobs"}) == "env:jobs"


def test_else_by_the_project(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.forge-jobs]\napp = "file:jobs"')

    assert app_name(project / "a" / "b", {}) == "file:jobs"


@pytest.mark.parametrize("text", ["", "[tool.other]\napp = 1", '[tool.forge-jobs]\napp = ""'])
def test_a_project_need_not_name_an_application(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(text)

    assert app_name(project, {}) is None


def test_a_project_file_that_cannot_be_read_is_named(project: Path) -> None:
    (project / "pyproject.toml").write_text("[")

    with pytest.raises(ConfigError, match=r"pyproject\.toml cannot be read"):
        app_name(project, {})
