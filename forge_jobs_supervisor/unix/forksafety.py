"""Is it safe to fork here? Looked at after the application was imported and before every fork."""

from __future__ import annotations

import os
import threading
from pathlib import Path

FORK_AWARE = ("openblas", "libmkl", "libiomp", "libomp", "blis")
"""Native libraries that stop and restart their threads around a fork.

GNU's OpenMP (libgomp) is not one: its first parallel region after a fork never returns.
"""


def unsafe_threads() -> list[str]:
    """Return the names of threads that make forking unsafe, this one left out; empty: it is safe."""
    python = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    if python:
        return python
    native = _native_threads()
    return native if native and not _fork_aware_library_loaded() else []


def _native_threads() -> list[str]:
    names = []
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != os.getpid():
            try:
                names.append(f"{(task / 'comm').read_text().strip()} (native, thread {task.name})")
            except OSError:
                continue
    return names


def _fork_aware_library_loaded() -> bool:
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").lower()
    except OSError:
        return False
    return any(name in maps for name in FORK_AWARE)


def open_files(paths: list[Path]) -> list[Path]:
    """Return those of ``paths`` that this process has open."""
    wanted = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        wanted[status.st_dev, status.st_ino] = path
    found = []
    for entry in os.scandir("/proc/self/fd"):
        try:
            status = os.stat(entry.path)  # noqa: PTH116 - a link of /proc is followed to what is open
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in wanted:
            found.append(wanted[status.st_dev, status.st_ino])
    return found
