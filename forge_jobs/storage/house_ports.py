"""The ports of ``forge-jobs-db``: the database as a whole. An internal seam, as the others in ``ports.py``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.records import ArchivedJob


class Archive(Protocol):
    """Held by ``forge-jobs-db copy``."""

    def locked(self) -> AbstractContextManager[None]:
        """Let nobody else write in the block; what it writes is committed at its end, or not at all."""

    def jobs(self, after: int, limit: int) -> list[tuple[int, ArchivedJob]]:
        """Return jobs in the order in which they were stored, with their keys, after a key."""

    def tallies(self) -> list[tuple[str, str, int]]:
        """Return the numbers of ended jobs and failed attempts, by queue and outcome."""

    def store(self, jobs: Sequence[ArchivedJob]) -> None:
        """Store jobs in this order, inside of ``locked``."""

    def store_rest(self, queues: Sequence[QueueSettings], tallies: Sequence[tuple[str, str, int]]) -> None:
        """Store the queues' settings and the numbers of what has ended, inside of ``locked``."""


class Schema(Protocol):
    """Held by ``forge-jobs-db``."""

    def create(self) -> bool:
        """Create the database and its schema; False when it was there."""

    def migrate(self) -> list[str]:
        """Apply what is pending; return the names applied."""

    def reset(self) -> None:
        """Remove every job, queue and registration in one transaction; live producers keep working."""

    def drop(self) -> bool:
        """Remove the database; False when it was not there."""

    def describe(self) -> dict[str, object]:
        """Return adapter, location, version and pending migrations; changes nothing."""
