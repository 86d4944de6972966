"""What is looked at before a database file is opened."""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from forge_jobs.errors import DatabaseUnusable

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "beegfs", "ncpfs",
     "fuse.sshfs", "fuse.s3fs", "fuse.glusterfs", "fuse.rclone", "virtiofs", "drvfs"}
)  # fmt: skip

_SPACE = "\\040"  # in a mount point's name, as the kernel writes it


def check_file(path: Path) -> None:
    """Raise DatabaseUnusable, in one sentence, where the path cannot be a queue's database."""
    if path.is_dir():
        raise DatabaseUnusable(
            f"database {path} is a directory: name a file in it, for example {path / 'queue.sqlite'}"
        )
    if path.exists():
        if not path.is_file():
            raise DatabaseUnusable(f"database {path} is not a regular file")
        if not os.access(path, os.R_OK | os.W_OK):
            why = "its file system is read-only" if os.statvfs(path).f_flag & os.ST_RDONLY else "permission denied"
            raise DatabaseUnusable(f"database {path} cannot be opened for reading and writing: {why}")
    place = _existing(path)
    if place != path and not place.is_dir():
        raise DatabaseUnusable(f"database {path} cannot be created: {place} is not a directory")
    kind = file_system_of(path)
    if kind in NETWORK_FILE_SYSTEMS:
        raise DatabaseUnusable(
            f"database {path} is on a network file system ({kind}), where SQLite's locks do not hold: "
            "put it on a local disk, or use PostgreSQL"
        )
    if opened_by_another_library(path):
        raise DatabaseUnusable(
            f"database {path} is already open in this process through another SQLite library (sqlite3?), "
            "which would drop this one's locks and lose jobs: close it there, or use an apsw connection"
        )


def file_system_of(path: Path) -> str | None:
    """Return the type of the file system that holds ``path`` or will, as the kernel names it; None if unknown."""
    resolved = f"{os.path.realpath(_existing(path))}/"
    best, kind = "", None
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    for line in mounts.splitlines():
        fields = line.split(" ")
        point = f"{fields[1].replace(_SPACE, ' ').rstrip('/')}/"
        if len(point) >= len(best) and resolved.startswith(point):
            best, kind = point, fields[2]
    return kind


def _existing(path: Path) -> Path:
    """Return the path, or the nearest directory above it that is there."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def opened_by_another_library(path: Path) -> bool:
    """Return whether this process has the file open, though not through apsw."""
    if not has_open(path):
        return False
    for connection in apsw.connections():
        try:
            name = connection.db_filename("main")
            if name and path.samefile(name):
                return False
        except apsw.ThreadingViolationError:
            return False  # another thread uses it just now, so it cannot be asked: the benefit of the doubt
        except (apsw.ConnectionClosedError, FileNotFoundError):
            continue
    return True


def has_open(path: Path) -> bool:
    """Return whether this process holds any descriptor of the file."""
    try:
        wanted = path.stat()
    except OSError:
        return False
    with os.scandir("/proc/self/fd") as entries:
        for entry in entries:
            try:
                found = os.stat(entry.path)  # noqa: PTH116
            except OSError:
                continue
            if os.path.samestat(wanted, found):
                return True
    return False
