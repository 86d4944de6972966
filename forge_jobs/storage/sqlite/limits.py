"""The Limits port."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import apsw

from forge_jobs.model.limits import Granted
from forge_jobs.storage.limiting import StoredLimits
from forge_jobs.storage.sqlite.buckets import take
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.doorbell import Bells


class SqliteLimits(StoredLimits):
    """Limits of kinds, and token buckets."""

    def __init__(self, database: Database, bells: Bells) -> None:
        super().__init__(database)
        self._own = database
        self._bells = bells

    @contextlib.contextmanager
    def _calling(self) -> Iterator[apsw.Connection]:
        with self._own.writing() as connection:
            yield connection
        self._bells.call()

    def _take(self, connection: apsw.Connection, scopes: Sequence[str], cost: float) -> Granted:
        return take(self._own, connection, scopes, cost)
