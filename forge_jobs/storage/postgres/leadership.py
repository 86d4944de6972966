"""The Leadership port: one row says who leads and until when."""

from __future__ import annotations

from forge_jobs.clock import MICROSECONDS
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Database


class PostgresLeadership:
    """The lease runs on the server's clock; that of a host that was declared dead, or has left, is over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lead(self, holder: str, seconds: float) -> bool:
        """Take or renew the leader's lease; False while another live host holds it."""
        now = self._database.clock.now()
        with self._database.single() as connection:
            until = instant(now + round(seconds * MICROSECONDS))
            return bool(self._database.run(connection, "lead", (holder, until, instant(now))))

    def resign(self, holder: str) -> None:
        """Give the lease up, if ``holder`` has it."""
        with self._database.single() as connection:
            self._database.run(connection, "resign", (holder,))
