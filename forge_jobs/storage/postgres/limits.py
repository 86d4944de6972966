"""The Limits port."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from forge_jobs.model.limits import Admitted, Granted, KindRules, RateLimit
from forge_jobs.storage.limiting import StoredLimits
from forge_jobs.storage.postgres.buckets import take
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.doorbell import Bells
from forge_jobs.storage.postgres.errors import again


class PostgresLimits(StoredLimits):
    """Limits of kinds, and token buckets."""

    def __init__(self, database: Database, bells: Bells) -> None:
        super().__init__(database)
        self._own = database
        self._bells = bells

    def declare(self, kinds: Sequence[KindRules], rate_limits: Sequence[RateLimit] = ()) -> None:
        """Note what an application declares; put what is enqueued already under limits that are new."""
        again(lambda: super(PostgresLimits, self).declare(kinds, rate_limits))

    def acquire(self, scopes: Sequence[str], cost: float) -> Granted:
        """Take ``cost`` tokens of every rate limit, or of none; raise InvalidValue for one that is not there."""

        def attempt() -> Granted:
            with self._own.single() as connection:
                return self._take(connection, scopes, cost)

        return again(attempt)

    def admit(self, limit: int) -> Admitted:
        """Give out places for at most ``limit`` keys, and to jobs whose kinds have got tokens."""
        return again(lambda: super(PostgresLimits, self).admit(limit))

    @contextlib.contextmanager
    def _calling(self) -> Iterator[psycopg.Connection[Any]]:
        with self._own.writing() as connection:
            yield connection
            self._bells.call(connection)

    def _take(self, connection: psycopg.Connection[Any], scopes: Sequence[str], cost: float) -> Granted:
        return take(self._own, connection, scopes, cost)
