"""The configuration that is in force: each value, and what decided it. For people; passwords are never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from forge_jobs.config import Location, app_name, environment_now, read_config, without_password

_FROM_ENVIRONMENT = {
    "FORGE_DATABASE_URL": None,
    "FORGE_QUEUES": "the queues of the application's handlers",
    "FORGE_WORKER_PREFIX": "none",
    "FORGE_WORKER_VERSION": "none",
    "FORGE_STALE_AFTER": "60",
    "JOBS_CONFIG_DIR": "jobs/config",
    "JOBS_DATA_DIR": "jobs/data",
}
"""What is read from the environment, and what holds where it is not set; None: nothing to tell then."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One value and where it came from."""

    name: str
    value: str
    origin: str


def effective(location: Location, environment: Mapping[str, str] | None = None) -> list[Value]:
    """Return the configuration in force; raise ConfigError where a file is wrong."""
    environment = environment_now() if environment is None else environment
    found = [Value(name="database", value=location.shown, origin=location.origin)]
    if Path(location.origin).is_file():
        found += _of_file(Path(location.origin))
    named = environment.get("FORGE_APP")
    app = app_name(environment=environment)
    origin = "FORGE_APP" if named else "pyproject.toml" if app else "the default"
    found.append(Value(name="app", value=app or "none", origin=origin))
    return [*found, *_of_environment(environment)]


def _of_file(file: Path) -> Iterator[Value]:
    config = read_config(file)
    defaults = {field.name: field.default for field in msgspec.structs.fields(config)}
    for name in config.__struct_fields__:
        value = getattr(config, name)
        if value is None:
            continue
        told = "***" if name == "password" else without_password(str(value)) if name == "url" else str(value)
        origin = "the default" if value == defaults[name] else str(file)
        yield Value(name=f"database.{name}", value=told, origin=origin)


def _of_environment(environment: Mapping[str, str]) -> Iterator[Value]:
    for name, default in _FROM_ENVIRONMENT.items():
        if name in environment:
            yield Value(name=name, value=without_password(environment[name]), origin="the environment")
        elif default is not None:
            yield Value(name=name, value=default, origin="the default")
