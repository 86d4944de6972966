"""Removing finished jobs that are older, or more, than their queue keeps; the oldest first, in small slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.noting import Tally
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.hand_in import add_tallies
from forge_jobs.storage.postgres.rows import settings_of

_DAY = 86_400 * MICROSECONDS

Victims = tuple[str, str, list[int]]
"""A queue, an outcome, and the keys of jobs that are to go."""


def clean(database: Database, limit: int, queue: str | None) -> Mapping[tuple[str, str], int]:
    """Remove at most ``limit`` finished jobs, of one queue if one is named; return how many of each sort."""
    now = database.clock.now()
    with database.single() as connection:
        if not any(_victims(database, connection, now, limit, queue)):
            return {}
    tally: Tally = Counter()
    with database.writing() as connection:
        for name, outcome, keys in list(_victims(database, connection, now, limit, queue)):
            for removal in ("remove_errors", "remove_job"):
                database.many(connection, removal, [(key,) for key in sorted(keys)])
            tally[name, outcome] -= len(keys)
        add_tallies(database, connection, None, tally)
    return {sort: -jobs for sort, jobs in tally.items()}


def _victims(
    database: Database, connection: psycopg.Connection[Any], now: int, limit: int, queue: str | None
) -> Iterator[Victims]:
    """Give what is to go. How many finished jobs there are is what the tallies say: history is not counted."""
    known = {row[0]: settings_of(row) for row in database.run(connection, "queues")}
    for name, outcome, jobs in database.run(connection, "count_ended"):
        if queue is not None and name != queue:
            continue
        days, most = known.get(name, QueueSettings(name=name)).kept(outcome)
        keys: list[int] = []
        if days is not None:
            keys = _keys(database, connection, f"prune_{outcome}", (name, instant(now - round(days * _DAY)), limit))
        if most is not None and min(jobs - most, limit) > len(keys):
            surplus = _keys(database, connection, f"surplus_{outcome}", (name, most, limit))
            keys = max(keys, surplus, key=len)  # others may have removed some since they were counted
        if keys:
            yield name, outcome, keys
            limit -= len(keys)


def _keys(database: Database, connection: psycopg.Connection[Any], name: str, values: tuple[object, ...]) -> list[int]:
    return [key for (key,) in database.run(connection, name, values)]
