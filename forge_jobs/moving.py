"""Moving house: everything of one database into another, empty one, verified before it is committed."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from forge_jobs.errors import DatabaseError, DatabaseUnusable, ForgeJobsError, UsageError, WorkersAlive
from forge_jobs.model.crontab import KEPT_FIRES, Fire, ScheduleRecord
from forge_jobs.model.limits import Bucket, KindRules
from forge_jobs.showing import quoted
from forge_jobs.storage.records import ArchivedJob

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage

PAGE = 1000


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What was copied. ``digest`` is the SHA-256 of all jobs with their histories, in order."""

    jobs: int
    errors: int
    queues: int
    schedules: int
    digest: str


def copy(source: Storage, target: Storage, progress: Callable[[int], None] = lambda _jobs: None) -> Copied:
    """Copy jobs with ids and histories, counts, metrics, schedules and queues' settings; all or nothing.

    Nobody else writes meanwhile.

    Raises WorkersAlive where a live supervisor uses either, UsageError where the target is not empty, DatabaseError
    where the source has what cannot be stored, since a hand wrote it, or where what is read back from the target
    differs from what was read from the source: nothing is there then.
    """
    if source.location == target.location:
        raise UsageError(f"{source.location} cannot be copied into itself: name another database")
    if not source.schema.describe()["exists"]:
        raise DatabaseUnusable(f"there is no queue in {source.location}: nothing was copied")
    target.schema.create()
    _check_nobody_works(source)
    _check_nobody_works(target)
    try:
        return _copy(source, target, progress)
    except ForgeJobsError:
        raise
    except (ValueError, TypeError, ArithmeticError, struct.error) as error:
        told = (
            f"{source.location} has a value that cannot be copied ({quoted(str(error))}): no program of ours wrote it"
        )
        raise DatabaseUnusable(f"{told}; forge-jobs verify may tell where, and nothing was copied") from error


def _copy(source: Storage, target: Storage, progress: Callable[[int], None]) -> Copied:
    with source.archive.locked(), target.archive.locked():
        _check_nobody_works(source)  # nor has come meanwhile
        _check_nobody_works(target)
        if target.queue_config.queues() or target.schedules.all() or _page(target, 0):
            raise UsageError(
                f"{target.location} is not empty: copy into a new database, or empty it with forge-jobs-db reset"
            )
        copied = _Sum()
        for page in _pages(source):
            target.archive.store(page)
            copied.add(page)
            progress(copied.jobs)
        queues = source.queue_config.queues()
        target.archive.store_rest(queues, source.archive.tallies())
        target.limits.restore(*_limits(source))
        schedules = _schedules(source)
        target.schedules.restore(schedules)
        target.metrics.store_archived(source.metrics.archived())
        _check_same(source, target, copied)
    return Copied(
        jobs=copied.jobs, errors=copied.errors, queues=len(queues), schedules=len(schedules), digest=copied.digest
    )


class _Sum:
    """Counts and a checksum over jobs in order."""

    def __init__(self) -> None:
        self.jobs = self.errors = 0
        self._hash = hashlib.sha256()

    def add(self, page: list[ArchivedJob]) -> None:
        for job in page:
            self.jobs += 1
            self.errors += len(job.record.error_history)
            self._hash.update(msgspec.json.encode(job))

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def _pages(storage: Storage) -> Iterator[list[ArchivedJob]]:
    after = 0
    while page := _page(storage, after):
        after = page[-1][0]
        yield [job for _key, job in page]


def _page(storage: Storage, after: int) -> list[tuple[int, ArchivedJob]]:
    return storage.archive.jobs(after, PAGE)


def _limits(storage: Storage) -> tuple[list[KindRules], list[Bucket]]:
    return storage.limits.rules(), storage.limits.rate_limits()


def _schedules(storage: Storage) -> list[tuple[ScheduleRecord, list[Fire]]]:
    return [(record, storage.schedules.fires(record.name, KEPT_FIRES)) for record in storage.schedules.all()]


def _check_same(source: Storage, target: Storage, copied: _Sum) -> None:
    there = _Sum()
    for page in _pages(target):
        there.add(page)
    same_rest = sorted(source.archive.tallies()) == sorted(target.archive.tallies()) and (
        source.queue_config.queues() == target.queue_config.queues()
        and _limits(source) == _limits(target)
        and _schedules(source) == _schedules(target)
        and source.metrics.archived() == target.metrics.archived()
    )
    if (there.jobs, there.errors, there.digest) != (copied.jobs, copied.errors, copied.digest) or not same_rest:
        raise DatabaseError(
            f"what is read back from {target.location} is not what was read from {source.location} "
            f"({there.jobs} of {copied.jobs} jobs, checksums {there.digest[:9]}, {copied.digest[:9]}): nothing was kept"
        )


def _check_nobody_works(storage: Storage) -> None:
    alive = [host for host in storage.registry.hosts() if host.alive]
    if alive:
        raise WorkersAlive(
            f"refusing to copy while {len(alive)} live supervisor(s) use {storage.location} "
            f"(pid {', '.join(str(host.pid) for host in alive)}): stop them first"
        )
