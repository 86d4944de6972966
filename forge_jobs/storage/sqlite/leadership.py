"""The Leadership port: one row says who leads and until when."""

from __future__ import annotations

from pathlib import Path

from forge_jobs.clock import MICROSECONDS, boottime_us
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.registry import SqliteRegistry
from forge_jobs.storage.sqlite.rows import json_text


class SqliteLeadership:
    """The lease runs on the clock that counts suspended time; that of a dead host, or of another boot, is over."""

    def __init__(self, database: Database, registry: SqliteRegistry) -> None:
        self._database = database
        self._registry = registry

    def lead(self, holder: str, seconds: float) -> bool:
        """Take or renew the leader's lease; False while another live host holds it."""
        now, boot_id = boottime_us(), _boot_id()
        with self._database.writing() as connection:
            alive = json_text([host.host_id for host in self._registry.live_hosts(connection)])
            values = (holder, boot_id, now + round(seconds * MICROSECONDS), now, alive)
            return bool(self._database.run(connection, "lead", values))

    def resign(self, holder: str) -> None:
        """Give the lease up, if ``holder`` has it."""
        with self._database.writing() as connection:
            self._database.run(connection, "resign", (holder,))


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
