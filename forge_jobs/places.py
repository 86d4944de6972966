"""Directories and files that need not be there, or hold what they should."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from forge_jobs.errors import ConfigError


def working_directory() -> Path:
    """Return the directory that relative paths are of; raise ConfigError where it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError("the working directory is not there any more: change to one that is") from None


def is_file(path: Path) -> bool:
    """Return whether there is a file; a name that none can have, or a place nobody may look at, has none."""
    return os.path.isfile(path)  # noqa: PTH113 - Path's own raises for these


def exists(path: Path) -> bool:
    """Return whether there is anything."""
    return os.path.exists(path)  # noqa: PTH110 - as above


def read_toml(file: Path, otherwise: str) -> dict[str, Any]:
    """Return what a TOML file says; raise ConfigError, which says ``otherwise`` of what is none."""
    import tomllib  # here: most programs read no file

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # so are TOML's, those of UTF-8, and numbers of 5000 digits
        raise ConfigError(f"{file} {otherwise}: {error}") from error
