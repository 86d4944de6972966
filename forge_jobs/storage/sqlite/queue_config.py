"""The QueueConfig port."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.doorbell import Bells
from forge_jobs.storage.sqlite.rows import settings_of, settings_row


class SqliteQueueConfig:
    """The queues' settings."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells

    def ensure_queue(self, settings: QueueSettings) -> None:
        """Create the queue unless it exists; never changes an existing one."""
        with self._database.writing() as connection:
            self._database.run(connection, "ensure_queue", settings_row(settings))

    def queues(self) -> list[QueueSettings]:
        """Return every queue's settings by name."""
        with self._database.reading() as connection:
            return [settings_of(row) for row in self._database.run(connection, "queues")]

    def change_queue(self, name: str, changes: Mapping[str, object]) -> QueueSettings | None:
        """Change some of one queue's settings and ring; return them all, None when there is no such queue."""
        with self._database.writing() as connection:
            rows = self._database.run(connection, "queue_settings", (name,))
            if not rows:
                return None
            settings = msgspec.structs.replace(settings_of(rows[0]), **changes)
            self._database.run(connection, "update_queue", settings_row(settings))
            if settings.paused:
                self._database.run(connection, "close_queue", (name,))
            self._database.run(connection, "note_limited")
        self._bells.call()
        return settings
