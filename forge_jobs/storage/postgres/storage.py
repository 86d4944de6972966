"""All ports of one PostgreSQL database."""

from __future__ import annotations

from forge_jobs.clock import Clock
from forge_jobs.config import DEADLINE
from forge_jobs.storage.ports import Doorbell
from forge_jobs.storage.postgres.address import address_of
from forge_jobs.storage.postgres.archive import PostgresArchive
from forge_jobs.storage.postgres.checkup import PostgresCheckup
from forge_jobs.storage.postgres.control import PostgresControl
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.doorbell import Bells, PostgresDoorbell
from forge_jobs.storage.postgres.inspection import PostgresInspection
from forge_jobs.storage.postgres.leadership import PostgresLeadership
from forge_jobs.storage.postgres.limits import PostgresLimits
from forge_jobs.storage.postgres.liveness import Liveness
from forge_jobs.storage.postgres.metrics import PostgresMetrics
from forge_jobs.storage.postgres.news import PostgresNews
from forge_jobs.storage.postgres.operator import PostgresOperator
from forge_jobs.storage.postgres.producer import PostgresProducer
from forge_jobs.storage.postgres.queue_config import PostgresQueueConfig
from forge_jobs.storage.postgres.registry import PostgresRegistry
from forge_jobs.storage.postgres.schedules import PostgresSchedules
from forge_jobs.storage.postgres.schema import PostgresSchema
from forge_jobs.storage.postgres.upkeep import PostgresUpkeep
from forge_jobs.storage.postgres.worker_queue import PostgresWorkerQueue


class PostgresStorage:
    """The bundle. ``schema`` is for tests: else the URL says it."""

    def __init__(
        self, url: str, *, clock: Clock | None = None, deadline: float = DEADLINE, schema: str | None = None
    ) -> None:
        address = address_of(url)
        self._database = Database(
            address.url, clock=clock, deadline=deadline, schema=schema or address.schema, pooled=address.pooled
        )
        self.clock = self._database.clock
        bells = Bells(self._database)
        liveness = Liveness(self.clock, address.stale_after)
        self.producer = PostgresProducer(self._database, bells)
        self.worker_queue = PostgresWorkerQueue(self._database, bells)
        self.registry = PostgresRegistry(self._database, bells, liveness)
        self.operator = PostgresOperator(self._database, bells, self.registry.live_workers)
        self.queue_config = PostgresQueueConfig(self._database, bells)
        self.checkup = PostgresCheckup(self._database)
        self.news = PostgresNews(self._database)
        self.inspection = PostgresInspection(self._database, self.registry)
        self.upkeep = PostgresUpkeep(self._database, bells, self.registry)
        self.limits = PostgresLimits(self._database, bells)
        self.control = PostgresControl(self._database, bells)
        self.leadership = PostgresLeadership(self._database)
        self.schedules = PostgresSchedules(self._database, self.producer)
        self.archive = PostgresArchive(self._database)
        self.metrics = PostgresMetrics(self._database)
        self.schema = PostgresSchema(self._database)

    one_writer = False

    @property
    def location(self) -> str:
        """The database, without a password."""
        return self._database.location

    def doorbell(self, _host_id: str) -> Doorbell:
        """Hang up this host's doorbell."""
        return PostgresDoorbell(self._database)

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._database.close()
