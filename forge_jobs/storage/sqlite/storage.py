"""All ports of one SQLite database."""

from __future__ import annotations

from pathlib import Path

from forge_jobs.clock import Clock
from forge_jobs.config import DEADLINE
from forge_jobs.storage.ports import Doorbell
from forge_jobs.storage.sqlite.archive import SqliteArchive
from forge_jobs.storage.sqlite.checkup import SqliteCheckup
from forge_jobs.storage.sqlite.control import SqliteControl
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.doorbell import Bells, SqliteDoorbell
from forge_jobs.storage.sqlite.inspection import SqliteInspection
from forge_jobs.storage.sqlite.leadership import SqliteLeadership
from forge_jobs.storage.sqlite.lifelock import LifeLocks, hosts_file
from forge_jobs.storage.sqlite.limits import SqliteLimits
from forge_jobs.storage.sqlite.metrics import SqliteMetrics
from forge_jobs.storage.sqlite.news import SqliteNews
from forge_jobs.storage.sqlite.operator import SqliteOperator
from forge_jobs.storage.sqlite.producer import SqliteProducer
from forge_jobs.storage.sqlite.queue_config import SqliteQueueConfig
from forge_jobs.storage.sqlite.registry import SqliteRegistry
from forge_jobs.storage.sqlite.schedules import SqliteSchedules
from forge_jobs.storage.sqlite.schema import SqliteSchema
from forge_jobs.storage.sqlite.turnstile import WaitForLock
from forge_jobs.storage.sqlite.upkeep import SqliteUpkeep
from forge_jobs.storage.sqlite.worker_queue import SqliteWorkerQueue


class SqliteStorage:
    """The bundle. ``wait`` is how this process waits for its turn to write; see ``turnstile``."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        wait: WaitForLock | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        path = path.resolve()  # one set of lock files, whatever name leads to the database
        self._database = Database(path, clock=clock, wait=wait, deadline=deadline)
        self.clock = self._database.clock
        self._locks = LifeLocks(hosts_file(path))
        bells = Bells(path)
        self.producer = SqliteProducer(self._database, bells)
        self.worker_queue = SqliteWorkerQueue(self._database, bells)
        self.registry = SqliteRegistry(self._database, bells, self._locks)
        self.operator = SqliteOperator(self._database, bells, self.registry.live_workers)
        self.queue_config = SqliteQueueConfig(self._database, bells)
        self.checkup = SqliteCheckup(self._database)
        self.news = SqliteNews(self._database)
        self.inspection = SqliteInspection(self._database, self.registry)
        self.upkeep = SqliteUpkeep(self._database, bells, self.registry)
        self.limits = SqliteLimits(self._database, bells)
        self.control = SqliteControl(self._database, bells)
        self.leadership = SqliteLeadership(self._database, self.registry)
        self.schedules = SqliteSchedules(self._database, self.producer)
        self.archive = SqliteArchive(self._database)
        self.metrics = SqliteMetrics(self._database)
        self.schema = SqliteSchema(self._database)

    one_writer = True

    @property
    def location(self) -> str:
        """The full path of the database file."""
        return str(self._database.path)

    def doorbell(self, host_id: str) -> Doorbell:
        """Hang up this host's doorbell."""
        return SqliteDoorbell(self._database.path, host_id)

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._database.close()
        self._locks.close()
