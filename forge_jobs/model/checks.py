"""What a check of the system found, and the rules that judge the numbers."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from forge_jobs.model.stops import mebibytes

_MIB = 2**20
LITTLE_SPACE = 100 * _MIB
SMALL_SPACE = 1024 * _MIB
SLOW_SYNC = 0.010
VERY_SLOW_SYNC = 0.100
LARGE_LOG = 64 * _MIB
OFF_CLOCK = 1.0
FAR_OFF_CLOCK = 30.0
OLDEST_SERVER = 140_000


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: its name, how it is, in a sentence, and the way out where it is not well."""

    name: str
    level: Level = Level.OK
    told: str
    way_out: str | None = None


def file_system(kind: str | None, place: str) -> Check:
    """Judge the type of the file system that holds the database's file."""
    if kind in ("tmpfs", "ramfs"):
        told, way_out = f"{place} is in memory ({kind}): it is gone after a restart", "put it on a disk"
        return Check(name="file system", level=Level.WARNING, told=told, way_out=way_out)
    if kind in ("overlay", "aufs"):
        told = f"{place} is in a container's own layer ({kind}): it is gone with the container"
        return Check(name="file system", level=Level.WARNING, told=told, way_out="put it on a volume")
    return Check(name="file system", told=f"{place} is on a local file system ({kind or 'of unknown type'})")


def free_space(free: int, total: int) -> Check:
    """Judge the free bytes where the database is."""
    told = f"{_size(free)} of {_size(total)} are free"
    level = Level.PROBLEM if free < LITTLE_SPACE else Level.WARNING if free < SMALL_SPACE else Level.OK
    way_out = None if level is Level.OK else "make room, or keep fewer finished jobs (forge-jobs queue set, purge)"
    return Check(name="free space", level=level, told=told, way_out=way_out)


def sync_cost(seconds: float) -> Check:
    """Judge how long a write takes to be on the disk: every commit waits for one."""
    told = f"a write is on the disk after {seconds * 1000:.2f} ms (median): each commit takes at least that"
    level = Level.PROBLEM if seconds > VERY_SLOW_SYNC else Level.WARNING if seconds > SLOW_SYNC else Level.OK
    way_out = None if level is Level.OK else "a faster disk; enqueue in bulk; short jobs are handed in by the batch"
    return Check(name="fsync", level=level, told=told, way_out=way_out)


def log_size(size: int) -> Check:
    """Judge the size of SQLite's write-ahead log."""
    if size < LARGE_LOG:
        return Check(name="log", told=f"the write-ahead log is {mebibytes(size)}")
    told = f"the write-ahead log has grown to {mebibytes(size)}: some program keeps a read transaction open"
    level = Level.PROBLEM if size > 16 * LARGE_LOG else Level.WARNING
    return Check(name="log", level=level, told=told, way_out="end that program (lsof names those that have it open)")


def clock_skew(seconds: float, whose: str) -> Check:
    """Judge by how much another clock is ahead of this machine's."""
    off = abs(seconds)
    told = f"{whose} is {off:.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    if off < OFF_CLOCK:
        return Check(name="clock", told=f"{whose} and this machine's agree within {OFF_CLOCK:g} s")
    level = Level.PROBLEM if off > FAR_OFF_CLOCK else Level.WARNING
    return Check(name="clock", level=level, told=told, way_out="let both follow a time server")


def connections(used: int, most: int) -> Check:
    """Judge how many of the server's connections are taken."""
    told = f"{used} of {most} connections are used"
    level = Level.PROBLEM if used >= 0.95 * most else Level.WARNING if used >= 0.8 * most else Level.OK
    way_out = None if level is Level.OK else "raise max_connections, run fewer workers, or put a pooler in between"
    return Check(name="connections", level=level, told=told, way_out=way_out)


def dead_rows(dead: int, live: int, vacuumed: str | None) -> Check:
    """Judge how many rows of the job table wait to be vacuumed."""
    told = f"the job table has {dead:,} dead rows and {live:,} living ones; vacuumed last {vacuumed or 'never'}"
    level = Level.WARNING if dead > 200_000 and dead > live else Level.OK
    way_out = None if level is Level.OK else "VACUUM forge_jobs.job; look for what holds a snapshot"
    return Check(name="dead rows", level=level, told=told, way_out=way_out)


def _size(size: int) -> str:
    return mebibytes(size) if size < 10 * 1024 * _MIB else f"{size / (1024 * _MIB):.0f} GiB"
