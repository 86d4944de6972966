"""The Inspection port: all that is known of one job's situation, in one snapshot."""

from __future__ import annotations

from typing import Any

from forge_jobs.model.why import COUNTED_TO, Facts
from forge_jobs.storage.facts import facts_of, limited_of
from forge_jobs.storage.sqlite.database import Connection, Database
from forge_jobs.storage.sqlite.registry import SqliteRegistry
from forge_jobs.storage.sqlite.rows import blob, record_of, settings_of, text


class SqliteInspection:
    """Reads, and changes nothing."""

    def __init__(self, database: Database, registry: SqliteRegistry) -> None:
        self._database = database
        self._registry = registry

    def facts(self, job_id: str) -> Facts | None:
        """Return what is known of a job's situation, None where there is no such job."""
        with self._database.snapshot() as connection:
            rows = self._database.run(connection, "get", (blob(job_id),))
            if not rows:
                return None
            errors = [entry for (entry,) in self._database.run(connection, "errors_of", (rows[0][0],))]
            record = record_of(rows[0], errors)
            place = (record.queue, record.priority, record.scheduled_at, rows[0][0], COUNTED_TO + 1)
            ((before,),) = self._database.run(connection, "before_in_line", place)
            settings = {row[0]: settings_of(row) for row in self._database.run(connection, "queues")}
            boards = self._registry.boards(connection)
            process = self._process(connection, record.process_id)
            limited = limited_of(self._database, connection, record, text)
        now = self._database.clock.now()
        return facts_of(record, now, settings.get(record.queue), boards, process, before, limited)

    def _process(self, connection: Connection, process_id: int | None) -> Any:
        return next(iter(self._database.run(connection, "process_of", (process_id,))), None)
