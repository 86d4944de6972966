"""The QueueConfig port."""

from __future__ import annotations

from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.rows import settings_of, settings_row


class SqliteQueueConfig:
    """The queues' settings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure_queue(self, settings: QueueSettings) -> None:
        """Create the queue unless it exists; never changes an existing one."""
        with self._database.writing() as connection:
            self._database.run(connection, "ensure_queue", settings_row(settings))

    def queues(self) -> list[QueueSettings]:
        """Return every queue's settings by name."""
        with self._database.reading() as connection:
            return [settings_of(row) for row in self._database.run(connection, "queues")]

    def update_queue(self, settings: QueueSettings) -> bool:
        """Replace one queue's settings; False when there is no such queue."""
        with self._database.writing() as connection:
            before = connection.total_changes()
            self._database.run(connection, "update_queue", settings_row(settings))
            return connection.total_changes() > before
