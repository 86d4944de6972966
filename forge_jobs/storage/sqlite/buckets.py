"""Taking tokens of rate limits, inside the caller's write transaction."""

from __future__ import annotations

from collections.abc import Sequence

from forge_jobs.model.limits import Granted, grant
from forge_jobs.storage.admission import check_buckets, existing_buckets
from forge_jobs.storage.sqlite.database import Connection, Database


def take(database: Database, connection: Connection, scopes: Sequence[str], cost: float) -> Granted:
    """Take ``cost`` tokens of every bucket, or of none.

    Raises InvalidValue for a scope that nobody has declared, or a cost that no bucket can hold.
    """
    now = database.clock.now()
    found = existing_buckets(database, connection, scopes, now)
    check_buckets(found, scopes, cost)
    granted = grant(found, cost, 1, now)
    if granted.number:
        for bucket in found:
            database.run(connection, "take_tokens", (bucket.available(now) - cost, now, bucket.scope))
    return granted
