"""A wall clock that a test sets, for whole processes: their own, SQLite's, a PostgreSQL server's."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from pathlib import Path

_SPEC = importlib.util.find_spec("libfaketime")
assert _SPEC is not None
assert _SPEC.origin is not None
_LIBRARY = Path(_SPEC.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"


class WallClock:
    """Processes that are started with its ``environment`` go by it. Clocks that nobody can set go on as they do.

    It stands in a directory that any user may read: a PostgreSQL server is not run by root.
    """

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="fj-clock-"))
        self._directory.chmod(0o755)
        library, self._file = self._directory / "libfaketime.so", self._directory / "offset"
        shutil.copy(_LIBRARY, library)
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, ahead: float) -> None:
        """Set it so many seconds ahead of the machine's own clock, at once for all who go by it."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+f}\n")
        new.chmod(0o644)
        new.replace(self._file)

    def close(self) -> None:
        """Remove it."""
        shutil.rmtree(self._directory, ignore_errors=True)
