"""From a database URL to its storage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from forge_jobs.clock import Clock
from forge_jobs.config import DEADLINE, without_password
from forge_jobs.errors import ConfigError
from forge_jobs.showing import quoted

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage

WaitForLock = Callable[[int, float], bool]


def open_storage(
    url: str, *, clock: Clock | None = None, wait: WaitForLock | None = None, deadline: float = DEADLINE
) -> Storage:
    """Return the storage of a database URL with an absolute path; opens nothing yet, and imports that one backend.

    ``wait`` is how this process waits for a lock; by default in a way that touches no signal. ``deadline`` is how
    many seconds a call may take. Raises ConfigError.
    """
    if is_postgres(url):
        return _postgres(url, clock, deadline)
    from forge_jobs.storage.sqlite.storage import SqliteStorage

    path = sqlite_path(url)
    try:
        str(path).encode()  # SQLite takes names in UTF-8
        path.exists()  # whether there is a file does not matter, but that the question can be asked
        return SqliteStorage(path, clock=clock, wait=wait, deadline=deadline)
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, links in a circle
        raise ConfigError(f"database path {quoted(str(path)[:200])} cannot be used: {error}") from None


def prepare(url: str) -> None:
    """Import the backend of a URL and read its statements, so that processes forked later do neither."""
    from forge_jobs.storage.sql import read_all  # here: a program that enqueues reads two or three

    open_storage(url)
    read_all("postgres" if is_postgres(url) else "sqlite")


def close_idle() -> None:
    """Close every connection of this process that is not in use; each opens again by itself."""
    for backend in ("sqlite", "postgres"):
        if database := sys.modules.get(f"forge_jobs.storage.{backend}.database"):
            database.close_idle()


def is_postgres(url: str) -> bool:
    """Return whether a URL names a PostgreSQL database."""
    return url.startswith(("postgresql://", "postgres://"))


def _postgres(url: str, clock: Clock | None, deadline: float) -> Storage:
    """Return the storage of a PostgreSQL URL; psycopg is imported only where it is used."""
    try:
        from forge_jobs.storage.postgres.storage import PostgresStorage
    except ImportError as error:
        raise ConfigError(
            f"database {without_password(url)}: no PostgreSQL client library is installed ({error}): "
            'pip install "forge-jobs[postgres]"'
        ) from None
    return PostgresStorage(url, clock=clock, deadline=deadline)


def sqlite_path(url: str) -> Path:
    """Return the file a ``sqlite:///`` URL names (three slashes: relative, four: absolute); raise ConfigError."""
    scheme, separator, rest = url.partition("://")
    if scheme != "sqlite" or not separator or not rest.startswith("/") or len(rest) < 2:
        raise ConfigError(
            f"database URL {quoted(without_password(url))} is not valid: "
            "write sqlite:///relative.sqlite, sqlite:////absolute.sqlite or postgresql://user@host/database"
        )
    return Path(unquote(rest[1:].partition("?")[0]))
