"""The Metrics port."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import apsw

from forge_jobs.model.metrics import MINUTE, Gauges, Measure, minute_of
from forge_jobs.storage.metric_ports import ArchivedMetrics
from forge_jobs.storage.observing import TOTAL, Key, Observations, folded, merged, summed
from forge_jobs.storage.reading import decoded
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.database import Connection, Database
from forge_jobs.storage.sqlite.rows import json_text

_ALL = -1


def add_observed(connection: Connection, now: int, seen: Observations) -> None:
    """Note what this transaction did."""
    connection.executemany(statement("sqlite", "add_observed"), ((now, *row) for row in seen.rows()))


class SqliteMetrics:
    """Folds and reads what transactions note, and keeps what hosts look like."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fold(self, limit: int) -> int:
        """Add at most ``limit`` entries to their minutes and to all time, each once; return how many."""
        with self._database.reading() as connection:
            rows = self._database.run(connection, "metric_entries", (limit,))
        if not rows:
            return 0
        measures = folded(row[1:] for row in rows)  # before the write lock is taken: others wait for it
        with self._database.writing() as connection:
            ((there, at),) = self._database.run(connection, "metric_entries_sum", (rows[-1][0],))
            if (there, at) != (len(rows), sum(row[1] for row in rows)):
                return 0  # another leader was faster
            self._database.run(connection, "metric_entries_clear", (rows[-1][0],))
            for key, measure in measures.items():
                stored = self._database.run(connection, "metric_of", key)
                entry = merged(measure, stored[0][0] if stored else None)
                self._database.run(connection, "store_metric", (*key, entry))
        return len(rows)

    def between(
        self, since: int, until: int, *, queue: str | None = None, kind: str | None = None, step: int = 0
    ) -> Mapping[Key, Measure]:
        """Return what happened from the minute of ``since`` to before that of ``until``, folded or not."""
        first, last = max(minute_of(since), MINUTE), minute_of(until)
        with self._database.snapshot() as connection:
            rows = self._database.run(connection, "metrics_between", (first, last, queue, kind))
            new = self._new(connection)
        wanted = {
            key: measure
            for key, measure in new.items()
            if first <= key[0] < last and queue in (None, key[1]) and kind in (None, key[2])
        }
        return summed(rows, wanted, step)

    def totals(self) -> Mapping[tuple[str, str], Measure]:
        """Return all that ever happened, by (queue, kind)."""
        with self._database.snapshot() as connection:
            rows = self._database.run(connection, "metrics_between", (TOTAL, MINUTE, None, None))
            new = self._new(connection)
        found = summed(rows, {key: measure for key, measure in new.items() if key[0] == TOTAL}, 0)
        return {(queue, kind): measure for (_total, queue, kind), measure in found.items()}

    def _new(self, connection: apsw.Connection) -> dict[Key, Measure]:
        return folded(row[1:] for row in self._database.run(connection, "metric_entries", (_ALL,)))

    def note(self, gauges: Gauges) -> None:
        """Store what a host, or the database, looks like in this minute."""
        minute = minute_of(self._database.clock.now())
        with self._database.writing() as connection:
            self._database.run(connection, "store_gauges", (minute, gauges.host_id, json_text(gauges)))

    def gauges(self, since: int, until: int) -> list[tuple[int, Gauges]]:
        """Return what hosts and the database looked like, by minute."""
        with self._database.reading() as connection:
            rows = self._database.run(connection, "gauges_between", (minute_of(since), minute_of(until)))
        return [(minute, decoded(entry, Gauges, Gauges)) for minute, entry in rows]

    def sizes(self) -> Mapping[str, float]:
        """Return the sizes of the file and of its log, and how much room is left beside them."""
        path = self._database.path
        log = path.with_name(path.name + "-wal")
        return {
            "database_bytes": float(path.stat().st_size if path.exists() else 0),
            "log_bytes": float(log.stat().st_size if log.exists() else 0),
            "disk_free_bytes": float(shutil.disk_usage(path.parent).free),
        }

    def forget(self, before: int, limit: int) -> int:
        """Remove at most ``limit`` minutes, and as many gauges, before an instant; return how many of both."""
        with self._database.writing() as connection:
            count = connection.total_changes()
            for name in ("forget_metrics", "forget_gauges"):
                self._database.run(connection, name, (before, limit))
            return connection.total_changes() - count

    def archived(self) -> ArchivedMetrics:
        """Return all minutes and all time, folded or not."""
        with self._database.reading() as connection:
            rows: list[Any] = self._database.run(connection, "metrics_between", (TOTAL, _NEVER, None, None))
            new = self._new(connection)
        return [(*key, merged(measure, None)) for key, measure in summed(rows, new, 1).items()]

    def store_archived(self, metrics: ArchivedMetrics) -> None:
        """Store what ``archived`` gave."""
        with self._database.reading() as connection:
            connection.executemany(statement("sqlite", "store_metric"), metrics)


_NEVER = 2**62
