"""A PostgreSQL database read past the queue that lives in it: what it says is what is stored."""

from __future__ import annotations

from typing import Any

import psycopg


class Database:
    """One connection of the benchmark's own."""

    def __init__(self, url: str, options: str = "") -> None:
        self._connection = psycopg.connect(url, autocommit=True, options=options)

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a statement, which is a constant."""
        return self._connection.execute(sql).fetchall()

    def count(self, rows: str) -> int:
        """Return how many rows there are: ``rows`` is what stands behind FROM."""
        ((count,),) = self.rows(f"SELECT count(*) FROM {rows}")  # noqa: S608
        return int(count)

    def commits(self, rows: str) -> list[float]:
        """Return the unix times at which rows, as in ``count`` and with an order, were committed as they are."""
        commit = "extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8"
        return [instant for (instant,) in self.rows(f"SELECT {commit} FROM {rows}")]  # noqa: S608

    def at_rest(self, least: int) -> bool:
        """Return whether at least so many others are connected, and none of them has done anything for 50 ms."""
        ((all_, resting),) = self.rows("""
            SELECT count(*), count(*) FILTER (WHERE state = 'idle' AND state_change < now() - interval '50 ms')
            FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
        """)
        return bool(all_ >= least and all_ == resting)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
