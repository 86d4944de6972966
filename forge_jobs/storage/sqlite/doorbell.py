"""How a producer tells the coordinators, in other processes, that there is work: datagrams on local sockets.

A ring is a hint and may be lost; each coordinator also looks by itself now and then. A socket whose buffer is full
has been rung already.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import socket
import stat
import tempfile
from pathlib import Path

_log = logging.getLogger(__name__)
_MAX_DATAGRAM = 256
ATTENTION = ""
"""Stands where a ring has its queue: operators want something."""


def bell_directory(database: Path) -> Path:
    """Return the directory of a database's bells: short, since a socket's path has at most 107 bytes."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    root = Path(base) if base and len(base) < 40 else Path(tempfile.gettempdir())
    name = hashlib.sha256(os.fsencode(database.resolve())).hexdigest()[:16]
    return root / f"forge-jobs-{os.getuid()}" / name


class Bells:
    """The producers' side: rings every coordinator of one database."""

    def __init__(self, database: Path) -> None:
        self._directory = bell_directory(database)
        self._name = str(self._directory)
        self._stamp = -1
        self._paths: list[str] = []

    def ring(self, queue: str, ready: int, due: int | None) -> None:
        """Tell every coordinator how many jobs are ready in the queue and when a scheduled one is due."""
        message = f"{queue}\t{ready}\t{'' if due is None else due}".encode()
        # whatever is in the way (no descriptor, a directory of others): the coordinator looks by itself later
        with contextlib.suppress(OSError):
            paths = self._listeners()
            if not paths:
                return
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as bell:
                for path in paths:
                    with contextlib.suppress(OSError):  # gone, or full: it has been rung already
                        bell.sendto(message, path)

    def call(self) -> None:
        """Ask every coordinator to look at once at what operators want: cancels, settings, questions."""
        self.ring(ATTENTION, 0, None)

    def _listeners(self) -> list[str]:
        try:
            stamp = os.stat(self._name).st_mtime_ns  # noqa: PTH116 - once for every enqueue: twice as fast
        except OSError:
            return []
        if stamp != self._stamp:
            self._paths = [str(p) for p in self._directory.iterdir() if p.suffix == ".sock"]
            self._stamp = stamp
        return self._paths


class SqliteDoorbell:
    """The Doorbell port: one coordinator's socket."""

    def __init__(self, database: Path, host_id: str) -> None:
        self._path = bell_directory(database) / f"{host_id}.sock"
        self._socket = self._hang_up()

    def _hang_up(self) -> socket.socket:
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            _make_private(self._path.parent.parent)
            _make_private(self._path.parent)
            lock = os.open(self._path.parent / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                _remove_stale(self._path.parent)
                self._path.unlink(missing_ok=True)  # of a coordinator of this host that died without leaving
                bell.bind(str(self._path))
            finally:
                os.close(lock)
        except OSError as error:
            _log.warning(
                "no doorbell at %s (%s): new jobs are noticed within half a second", self._path, error.strerror
            )
        return bell

    def fileno(self) -> int:
        """Return a descriptor that is readable when a ring has come."""
        return self._socket.fileno()

    def keep(self) -> None:
        """Do nothing: a socket of this machine is not lost."""

    def rings(self) -> list[tuple[str, int, int | None]]:
        """Return all rings that have come, as (queue, jobs ready, instant a scheduled one is due)."""
        heard: list[tuple[str, int, int | None]] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                message = self._socket.recv(_MAX_DATAGRAM)
                with contextlib.suppress(ValueError):
                    queue, ready, due = message.decode().split("\t")
                    heard.append((queue, int(ready), int(due) if due else None))
        return heard

    def close(self) -> None:
        """Stop listening."""
        self._path.unlink(missing_ok=True)
        self._socket.close()


def _make_private(directory: Path) -> None:
    """Make a directory that is this user's alone; raise OSError where it is another's: it may stand in /tmp."""
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "the directory is not this user's alone")


def _remove_stale(directory: Path) -> None:
    """Remove sockets nobody is bound to any more. The caller holds the directory's lock."""
    for path in directory.glob("*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                continue
