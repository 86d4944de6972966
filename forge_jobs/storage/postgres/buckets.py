"""Taking tokens of rate limits."""

from __future__ import annotations

from collections.abc import Sequence

from forge_jobs.model.limits import Granted
from forge_jobs.storage.admission import bucket_of, check_buckets, existing_buckets
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Connection, Database


def take(database: Database, connection: Connection, scopes: Sequence[str], cost: float) -> Granted:
    """Take ``cost`` tokens of every bucket, or of none, in one statement.

    Raises InvalidValue for a scope that nobody has declared, or a cost that no bucket can hold.
    """
    now = database.clock.now()
    asked = (list(scopes), cost, 1, instant(now))
    rows = database.run(connection, "take_tokens", asked)
    if len(rows) < len(scopes):  # those that have their settings from others are made at their first use
        existing_buckets(database, connection, scopes, now)
        rows = database.run(connection, "take_tokens", asked)
    found = [bucket_of(row[:6]) for row in rows]
    check_buckets(found, scopes, cost)
    number = rows[0][6]
    return Granted(number, 0.0 if number else max(bucket.wait(cost, now) for bucket in found))
