"""The loader of SQL statements: one statement a file, named like the method that runs it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def statement(backend: str, name: str) -> str:
    """Return the text of ``<backend>/sql/<name>.sql``."""
    return files(f"forge_jobs.storage.{backend}").joinpath(f"sql/{name}.sql").read_text(encoding="utf-8")


@cache
def migrations(backend: str) -> tuple[tuple[int, str, str], ...]:
    """Return every migration of a backend as (version, name, text), in order."""
    folder = files(f"forge_jobs.storage.{backend}").joinpath("migrations")
    found = [f for f in folder.iterdir() if f.name.endswith(".sql")]
    return tuple(sorted((int(f.name[:4]), f.name.removesuffix(".sql"), f.read_text(encoding="utf-8")) for f in found))


def read_all(backend: str) -> None:
    """Read everything now: processes that are forked later share it, and all run what one release brought."""
    for file in files(f"forge_jobs.storage.{backend}").joinpath("sql").iterdir():
        if file.name.endswith(".sql"):
            statement(backend, file.name.removesuffix(".sql"))
    migrations(backend)
