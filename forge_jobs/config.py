"""Which database: the argument, the environment, ``queue_database.toml``, or a file in the project.

Every value knows where it came from. The only file that reads the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from urllib.parse import quote, unquote, urlencode

import msgspec

from forge_jobs.errors import ConfigError
from forge_jobs.model.names import checked_queue
from forge_jobs.places import exists, is_file, read_toml, working_directory
from forge_jobs.showing import one_line, quoted

CONFIG_NAME = "queue_database.toml"
SEARCH_DEPTH = 4
"""The configuration file is looked for in the working directory and its parents, this many directories in all."""

DEFAULT_PORT = 5432
DEFAULT_MAX_CONNECTIONS = 30

DEADLINE = 10.0
"""Seconds after which a call to the database gives up, waiting for its turn included."""

_PROJECT_MARKS = (CONFIG_NAME, "pyproject.toml", "setup.py", "setup.cfg", ".git")
_ADAPTERS = ("sqlite", "postgres")
_LIBPQ = re.compile(r"^(postgres(ql)?|mysql):|(^|\s)(host|dbname|user|password)\s*=")
_COMMAND_BASE = ("PATH", "HOME", "LANG", "TZ", "USER", "TMPDIR")


@runtime_checkable
class QueuePaths(Protocol):
    """Where a host with a layout of its own keeps its configuration and its data."""

    def config_dir(self) -> Path:
        """Return the directory in which ``queue_database.toml`` is looked for."""

    def data_dir(self) -> Path:
        """Return the directory of the default database."""


class ProjectPaths:
    """The default layout: ``JOBS_CONFIG_DIR`` and ``JOBS_DATA_DIR``, else ``jobs/config`` and ``jobs/data``.

    Relative paths are anchored at the project, so that a client and a farm started in different directories of one
    project use one database.
    """

    def __init__(self, environment: Mapping[str, str], root: Path) -> None:
        self._environment = environment
        self._root = root

    def config_dir(self) -> Path:
        """Return the directory of the configuration file."""
        return self._root / self._environment.get("JOBS_CONFIG_DIR", "jobs/config")

    def data_dir(self) -> Path:
        """Return the directory of the default database."""
        return self._root / self._environment.get("JOBS_DATA_DIR", "jobs/data")


class DatabaseConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says, checked. ``password`` never appears in a message."""

    adapter: str
    url: str | None = None
    path: str | None = None
    host: str | None = None
    port: int = DEFAULT_PORT
    database: str | None = None
    username: str | None = None
    password: str | None = None
    password_env: str | None = None
    max_connections: int = DEFAULT_MAX_CONNECTIONS
    schema: str | None = None
    stale_after: float | None = None
    pooled: bool | None = None

    def __repr__(self) -> str:
        """Show everything but the password."""
        shown = {f: getattr(self, f) for f in self.__struct_fields__ if f != "password"}
        shown["url"] = self.url and without_password(self.url)
        return f"DatabaseConfig({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


class Location(msgspec.Struct, frozen=True):
    """The database in use: its URL with every path absolute, and what decided so."""

    url: str
    origin: str

    @property
    def shown(self) -> str:
        """The URL without its password: what may be printed."""
        return one_line(without_password(self.url))

    def __repr__(self) -> str:
        """Show everything but the password."""
        return f"Location(url={without_password(self.url)!r}, origin={self.origin!r})"


def locate(
    database: str | None = None,
    config: str | os.PathLike[str] | QueuePaths | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Location:
    """Return the database to use; raise ConfigError.

    In order: ``database`` (a URL or a path), ``FORGE_DATABASE_URL``, the file ``config``, ``queue_database.toml``
    in the working directory or a parent, the same in the configuration directory, ``queue.sqlite`` in the data
    directory.
    """
    environment = os.environ if environment is None else environment
    here = working_directory() if directory is None else directory
    root = project_root(here)
    if config is not None and not isinstance(config, QueuePaths) and not is_file(here / Path(config)):
        raise ConfigError(f"configuration file {one_line(str(here / Path(config)))[:500]} is not there")
    if database is not None:
        return Location(absolute_url(database, root), "given in the call or on the command line")
    if environment.get("FORGE_DATABASE_URL"):
        return Location(absolute_url(environment["FORGE_DATABASE_URL"], root), "FORGE_DATABASE_URL")
    paths = config if isinstance(config, QueuePaths) else ProjectPaths(environment, root)
    if config is not None and not isinstance(config, QueuePaths):
        file: Path | None = here / Path(config)
    else:
        file = find_config(here, paths)
    if file is None:
        return Location(sqlite_url(paths.data_dir() / "queue.sqlite"), f"the default: no {CONFIG_NAME} was found")
    return Location(url_of(read_config(file), file.parent, paths, environment), str(file))


def project_root(directory: Path) -> Path:
    """Return the nearest directory upward that looks like a project, else ``directory`` itself."""
    for place in (directory, *directory.parents):
        if any(exists(place / mark) for mark in _PROJECT_MARKS):
            return place
    return directory


def find_config(directory: Path, paths: QueuePaths) -> Path | None:
    """Return the configuration file that applies, or None."""
    places = [directory, *directory.parents][:SEARCH_DEPTH]
    for place in (*places, paths.config_dir()):
        if is_file(place / CONFIG_NAME):
            return place / CONFIG_NAME
    return None


def read_config(file: Path) -> DatabaseConfig:
    """Return what the file says; raise ConfigError naming the file and the key."""
    values = read_toml(file, "is not valid TOML")
    _check_keys(values, file)
    if "url" in values:
        meant = "sqlite" if str(values["url"]).startswith("sqlite:") else "postgres"
        if values.setdefault("adapter", meant) != meant:
            raise ConfigError(
                f"{file}: key 'url' names a {meant} database, key 'adapter' says otherwise: drop 'adapter'"
            )
    if values.get("adapter") not in _ADAPTERS:
        told = f"is {quoted(without_password(str(values['adapter'])))}" if "adapter" in values else "is missing"
        raise ConfigError(f'{file}: key \'adapter\' {told}: write adapter = "sqlite" or adapter = "postgres"')
    try:
        return msgspec.convert(values, DatabaseConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file}: {str(error).replace('$.', '')}") from None


def _check_keys(values: Mapping[str, Any], file: Path) -> None:
    known = DatabaseConfig.__struct_fields__
    for key in values:
        if key not in known:
            import difflib

            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {quoted(near[0])}?" if near else f"known keys are {', '.join(known)}"
            raise ConfigError(f"{file}: unknown key {quoted(key)}; {hint}")


def url_of(config: DatabaseConfig, anchor: Path, paths: QueuePaths, environment: Mapping[str, str]) -> str:
    """Return a configuration as a URL; relative paths are anchored at ``anchor``; raise ConfigError."""
    if config.url is not None:
        return absolute_url(config.url, anchor)
    if config.adapter == "sqlite":
        if config.path and ("://" in config.path or _LIBPQ.search(config.path)):
            raise ConfigError("the key 'path' is no path of a file: is it meant to be the key 'url'?")
        return sqlite_url(anchor / config.path if config.path else paths.data_dir() / "queue.sqlite")
    for key in ("host", "database", "username"):
        if getattr(config, key) is None:
            raise ConfigError(f'adapter "postgres" needs the key {quoted(key)}')
    password = password_of(config, environment)
    user = f"{quote(config.username or '', safe='')}:{quote(password, safe='')}"
    pooled = None if config.pooled is None else "yes" if config.pooled else "no"
    more = {"schema": config.schema, "stale_after": config.stale_after, "pooled": pooled}
    options = urlencode({name: value for name, value in more.items() if value is not None})
    address = f"postgresql://{user}@{config.host}:{config.port}/{config.database}"
    return f"{address}?{options}" if options else address


def password_of(config: DatabaseConfig, environment: Mapping[str, str]) -> str:
    """Return the password, written literally or in the environment variable that is named; raise ConfigError."""
    if config.password is not None:
        return config.password
    if config.password_env is None:
        raise ConfigError("adapter \"postgres\" needs the key 'password' or the key 'password_env'")
    if config.password_env not in environment:
        # The name itself is not shown: people put the password there by mistake.
        raise ConfigError("the environment variable named by the key 'password_env' is not set")
    return environment[config.password_env]


def absolute_url(database: str, anchor: Path) -> str:
    """Return a database URL, or a plain path, with its path made absolute at ``anchor``; raise ConfigError."""
    if "://" not in database:
        if not database:
            raise ConfigError("the database is an empty text: write sqlite:///path or leave it out")
        if _LIBPQ.search(database):  # with a password in it, perhaps, that would be shown as the name of a file
            raise ConfigError(
                "the database is neither a URL nor a path: write postgresql://user:password@host/database"
            )
        try:
            return sqlite_url(anchor / Path(database).expanduser())
        except RuntimeError:
            raise ConfigError(f"database path {quoted(database)} begins with the home of no user") from None
    scheme, _, rest = database.partition("://")
    if scheme != "sqlite":
        return database
    if not rest.startswith("/") or len(rest) < 2:
        raise ConfigError(
            f"database URL {quoted(without_password(database))} is not valid: "
            "write sqlite:///relative.sqlite or sqlite:////absolute.sqlite"
        )
    return sqlite_url(anchor / unquote(rest[1:].partition("?")[0]))


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file; only what would be read as part of the URL is quoted."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links: the user's name stays
    return f"sqlite:///{absolute.replace('%', '%25').replace('?', '%3F')}"


def without_password(url: str) -> str:
    """Return the URL with its password, if it has one, replaced by ``***``."""
    scheme, separator, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    if at and ":" in user and not rest.startswith("/"):
        rest = f"{user.partition(':')[0]}:***@{place}"
    return re.sub(r"(password\s*=)[^&]*", r"\1***", scheme + separator + rest)


def queues_from(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the queues of ``FORGE_QUEUES`` (comma-separated, blanks dropped), each once; raise InvalidValue."""
    environment = os.environ if environment is None else environment
    names = (name.strip() for name in environment.get("FORGE_QUEUES", "").split(","))
    return list(dict.fromkeys(checked_queue(name) for name in names if name))


def stale_after(environment: Mapping[str, str] | None = None) -> str | None:
    """Return ``FORGE_STALE_AFTER``: seconds without a beat after which a host on PostgreSQL is taken for dead."""
    environment = os.environ if environment is None else environment
    return environment.get("FORGE_STALE_AFTER", "").strip() or None


def worker_label(hostname: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the name this host is shown by: ``FORGE_WORKER_PREFIX``, if set, before the machine's name."""
    environment = os.environ if environment is None else environment
    prefix = environment.get("FORGE_WORKER_PREFIX", "").strip()
    return f"{prefix}-{hostname}" if prefix else hostname


def worker_version(environment: Mapping[str, str] | None = None) -> str:
    """Return ``FORGE_WORKER_VERSION``, the version of the application that a farm runs; empty if unset."""
    environment = os.environ if environment is None else environment
    return environment.get("FORGE_WORKER_VERSION", "").strip()


def command_environment(
    names: Iterable[str], environment: Mapping[str, str] | None = None
) -> tuple[dict[str, str], str]:
    """Return what a program that runs as a job gets of the environment: a small base and ``names``; and the PATH.

    Nothing else is passed on: not the database's password, no token that the supervisor was started with.
    """
    environment = os.environ if environment is None else environment
    wanted = {*_COMMAND_BASE, *names}
    passed = {name: value for name, value in environment.items() if name in wanted or name.startswith("LC_")}
    return passed, environment.get("PATH", os.defpath)


def app_name(directory: Path | None = None, environment: Mapping[str, str] | None = None) -> str | None:
    """Return the application as MODULE:ATTR: ``FORGE_APP``, else ``[tool.forge-jobs] app`` of pyproject.toml."""
    environment = os.environ if environment is None else environment
    if environment.get("FORGE_APP"):
        return environment["FORGE_APP"]
    for place in ((d := directory or working_directory()), *d.parents):
        file = place / "pyproject.toml"
        if is_file(file):
            found: Any = read_toml(file, "cannot be read")
            for key in ("tool", "forge-jobs", "app"):
                found = found.get(key) if isinstance(found, dict) else None
            return str(found) if found else None
    return None


def environment_now() -> Mapping[str, str]:
    """Return the environment, for those who tell what is in force."""
    return os.environ
