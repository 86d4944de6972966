"""Removing finished jobs that are older, or more, than their queue keeps; the oldest first, in small slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import apsw

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.noting import Tally
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.hand_in import add_tallies
from forge_jobs.storage.sqlite.rows import settings_of

ANY_AGE = 2**62
_DAY = 86_400 * MICROSECONDS

Victims = tuple[str, str, list[int]]
"""A queue, an outcome, and the keys of jobs that are to go."""


def clean(database: Database, limit: int, queue: str | None) -> Mapping[tuple[str, str], int]:
    """Remove at most ``limit`` finished jobs, of one queue if one is named; return how many of each sort."""
    now = database.clock.now()
    with database.snapshot() as connection:
        if not any(_victims(database, connection, now, limit, queue)):
            return {}
    tally: Tally = Counter()
    with database.writing() as connection:
        for name, outcome, keys in list(_victims(database, connection, now, limit, queue)):
            for removal in ("remove_body", "remove_errors", "remove_job"):
                connection.executemany(statement("sqlite", removal), [(key,) for key in keys])
            tally[name, outcome] -= len(keys)
        add_tallies(connection, None, tally)
    return {sort: -jobs for sort, jobs in tally.items()}


def _victims(
    database: Database, connection: apsw.Connection, now: int, limit: int, queue: str | None
) -> Iterator[Victims]:
    """Give what is to go. How many finished jobs there are is what the tallies say: history is not counted."""
    known = {row[0]: settings_of(row) for row in database.run(connection, "queues")}
    for name, outcome, jobs in database.run(connection, "count_ended"):
        if queue is not None and name != queue:
            continue
        days, most = known.get(name, QueueSettings(name=name)).kept(outcome)
        keys: list[int] = []
        if days is not None:
            keys = _oldest(database, connection, outcome, name, now - round(days * _DAY), limit)
        if most is not None and jobs - most > len(keys):
            keys = _oldest(database, connection, outcome, name, ANY_AGE, min(jobs - most, limit))
        if keys:
            yield name, outcome, keys
            limit -= len(keys)


def _oldest(
    database: Database, connection: apsw.Connection, outcome: str, queue: str, before: int, limit: int
) -> list[int]:
    return [key for (key,) in database.run(connection, f"prune_{outcome}", (queue, before, limit))]
