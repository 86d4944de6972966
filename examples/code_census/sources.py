"""Which files are counted."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_PASSED_BY = {"__pycache__", "site-packages", "dist-packages"}


def standard_library() -> Path:
    """Return the directory of the running Python's own standard library."""
    return Path(sysconfig.get_path("stdlib")).resolve()


def installed_packages() -> Path:
    """Return the directory of the packages that are installed beside the running Python."""
    return Path(sysconfig.get_path("purelib")).resolve()


def sources(directories: Iterable[Path], limit: int | None, complain: Callable[[str], None]) -> list[Path]:
    """Return every regular ``*.py`` file below the directories, each once (the first ``limit`` of them by name).

    The largest come first, so that no worker is left alone with one at the end. Installed packages within a
    directory are passed by, unless the directory itself is theirs.
    """
    found = sorted({file for directory in directories for file in _below(directory, complain)})[:limit]
    return sorted(found, key=_size, reverse=True)


def _below(directory: Path, complain: Callable[[str], None]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        complain(f"passed by: {error.filename!r} cannot be read: {error.strerror}")

    for place, directories, names in os.walk(directory, onerror=unreadable):
        directories[:] = [name for name in directories if name not in _PASSED_BY]
        for file in (Path(place, name) for name in names if name.endswith(".py")):
            if not _storable(str(file)):
                complain(f"passed by: the name {str(file)!r} is not UTF-8")
            elif not file.is_file():
                complain(f"passed by: {str(file)!r} is not a regular file")
            else:
                yield file


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # it has just gone: the census will say so
        return 0


def _storable(name: str) -> bool:
    """Say whether a name can be written as JSON."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
