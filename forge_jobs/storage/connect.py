"""From a database URL to its storage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from forge_jobs.clock import Clock
from forge_jobs.config import without_password
from forge_jobs.errors import ConfigError
from forge_jobs.storage.ports import Storage
from forge_jobs.storage.sqlite import database
from forge_jobs.storage.sqlite.database import DEADLINE
from forge_jobs.storage.sqlite.storage import SqliteStorage

WaitForLock = Callable[[int, float], bool]


def open_storage(
    url: str, *, clock: Clock | None = None, wait: WaitForLock | None = None, deadline: float = DEADLINE
) -> Storage:
    """Return the storage of a database URL with an absolute path; opens nothing yet.

    ``wait`` is how this process waits for a lock; by default in a way that touches no signal. ``deadline`` is how
    many seconds a call may take. Raises ConfigError.
    """
    if is_postgres(url):
        return _postgres(url, clock, deadline)
    path = sqlite_path(url)
    try:
        path.exists()  # whether there is a file does not matter, but that the question can be asked
        return SqliteStorage(path, clock=clock, wait=wait, deadline=deadline)
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, links in a circle
        raise ConfigError(f"database path {str(path)[:200]!r} cannot be used: {error}") from None


def close_idle() -> None:
    """Close every connection of this process that is not in use; each opens again by itself."""
    database.close_idle()
    if "forge_jobs.storage.postgres.database" in sys.modules:
        sys.modules["forge_jobs.storage.postgres.database"].close_idle()


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
            f"database URL {without_password(url)!r} is not valid: "
            "write sqlite:///relative.sqlite, sqlite:////absolute.sqlite or postgresql://user@host/database"
        )
    return Path(unquote(rest[1:].partition("?")[0]))
