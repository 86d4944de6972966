"""The Metrics port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from forge_jobs.model.metrics import MINUTE, Gauges, Measure, minute_of
from forge_jobs.storage.metric_ports import ArchivedMetrics
from forge_jobs.storage.observing import TOTAL, Key, Observations, folded, merged, summed
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Connection, Database
from forge_jobs.storage.postgres.rows import json_text
from forge_jobs.storage.reading import decoded

_NEVER = 253_402_300_800 * 1_000_000
_LOCK = 0x464A_4F42_4D54
"""The advisory lock of whoever folds ("FJOBMT")."""


def add_observed(database: Database, connection: Connection, now: int, seen: Observations) -> None:
    """Note what this transaction did."""
    database.many(connection, "add_observed", [(instant(now), *row) for row in seen.rows()])


class PostgresMetrics:
    """Folds and reads what transactions note, and keeps what hosts look like."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fold(self, limit: int) -> int:
        """Add at most ``limit`` entries to their minutes and to all time, each once; return how many."""
        with self._database.single() as connection:
            rows = self._database.run(connection, "metric_entries", (limit,))
        if not rows:
            return 0
        with self._database.writing() as connection:
            self._database.run(connection, "lock_metrics", (_LOCK,))
            taken = self._database.run(connection, "metric_entries_take", ([row[0] for row in rows],))
            mine = {no for (no,) in taken}  # another leader may have been faster
            measures = folded(row[1:] for row in rows if row[0] in mine)
            for key, measure in measures.items():
                stored = self._database.run(connection, "metric_of", _key(key))
                entry = merged(measure, stored[0][0] if stored else None)
                self._database.run(connection, "store_metric", (*_key(key), entry))
        return len(mine)

    def between(
        self, since: int, until: int, *, queue: str | None = None, kind: str | None = None, step: int = 0
    ) -> Mapping[Key, Measure]:
        """Return what happened from the minute of ``since`` to before that of ``until``, folded or not."""
        first, last = max(minute_of(since), MINUTE), min(minute_of(until), _NEVER)
        with self._database.snapshot() as connection:
            rows = self._database.run(connection, "metrics_between", (instant(first), instant(last), queue, kind))
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
            rows = self._database.run(connection, "metrics_between", (instant(TOTAL), instant(MINUTE), None, None))
            new = self._new(connection)
        found = summed(rows, {key: measure for key, measure in new.items() if key[0] == TOTAL}, 0)
        return {(queue, kind): measure for (_total, queue, kind), measure in found.items()}

    def _new(self, connection: psycopg.Connection[Any]) -> dict[Key, Measure]:
        return folded(row[1:] for row in self._database.run(connection, "metric_entries", (None,)))

    def note(self, gauges: Gauges) -> None:
        """Store what a host, or the database, looks like in this minute."""
        minute = minute_of(self._database.clock.now())
        with self._database.single() as connection:
            self._database.run(connection, "store_gauges", (instant(minute), gauges.host_id, json_text(gauges)))

    def gauges(self, since: int, until: int) -> list[tuple[int, Gauges]]:
        """Return what hosts and the database looked like, by minute."""
        with self._database.single() as connection:
            values = (instant(minute_of(since)), instant(min(minute_of(until), _NEVER)))
            rows = self._database.run(connection, "gauges_between", values)
        return [(minute, decoded(entry, Gauges, Gauges)) for minute, entry in rows]

    def sizes(self) -> Mapping[str, float]:
        """Return the size of the database, its connections, and how many rows of the job table are dead and alive."""
        with self._database.single() as connection:
            (row,) = self._database.run(connection, "database_sizes")
        return dict(zip(("database_bytes", "connections", "dead_rows", "live_rows"), row, strict=True))

    def forget(self, before: int, limit: int) -> int:
        """Remove at most ``limit`` minutes, and as many gauges, before an instant; return how many of both."""
        with self._database.single() as connection:
            names = ("forget_metrics", "forget_gauges")
            return sum(self._database.changed(connection, name, (instant(before), limit)) for name in names)

    def archived(self) -> ArchivedMetrics:
        """Return all minutes and all time, folded or not."""
        with self._database.single() as connection:  # nobody else writes
            values = (instant(TOTAL), instant(_NEVER), None, None)
            rows = self._database.run(connection, "metrics_between", values)
            new = self._new(connection)
        return [(*key, merged(measure, None)) for key, measure in summed(rows, new, 1).items()]

    def store_archived(self, metrics: ArchivedMetrics) -> None:
        """Store what ``archived`` gave."""
        with self._database.single() as connection:
            rows = [(*_key((minute, queue, kind)), entry) for minute, queue, kind, entry in metrics]
            self._database.many(connection, "store_metric", rows)


def _key(key: Key) -> tuple[object, str, str]:
    return (instant(key[0]), key[1], key[2])
