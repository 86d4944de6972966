"""From a database URL to its storage."""

from __future__ import annotations

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
    path = sqlite_path(url)
    try:
        path.exists()  # whether there is a file does not matter, but that the question can be asked
        return SqliteStorage(path, clock=clock, wait=wait, deadline=deadline)
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, links in a circle
        raise ConfigError(f"database path {str(path)[:200]!r} cannot be used: {error}") from None


def close_idle() -> None:
    """Close every connection of this process that is not in use; each opens again by itself."""
    database.close_idle()


def sqlite_path(url: str) -> Path:
    """Return the file a ``sqlite:///`` URL names (three slashes: relative, four: absolute); raise ConfigError."""
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql") and separator:
        raise ConfigError(
            f"database {without_password(url)}: PostgreSQL is not supported by this version; use sqlite:///path"
        )
    if scheme != "sqlite" or not separator or not rest.startswith("/") or len(rest) < 2:
        raise ConfigError(
            f"database URL {without_password(url)!r} is not valid: "
            "write sqlite:///relative.sqlite or sqlite:////absolute.sqlite"
        )
    return Path(unquote(rest[1:].partition("?")[0]))
