"""The Checkup port: whether the server is set up, and well enough, for a queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forge_jobs.clock import MICROSECONDS, SystemClock
from forge_jobs.model import checks
from forge_jobs.model.checks import Check, Level
from forge_jobs.storage.postgres.database import Database

HELD_FOR = 60.0
"""Seconds from which on a transaction is told of that holds a snapshot."""


class PostgresCheckup:
    """Asks the server, and changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def checks(self, *, deep: bool) -> Iterator[Check]:  # noqa: ARG002 - the server looks after its files by itself
        """Give what was found."""
        with self._database.single() as connection:
            before = SystemClock().now()
            ((there,),) = self._database.run(connection, "clock")
            after = SystemClock().now()
            (state,) = self._database.run(connection, "server_state")
            held = self._database.run(connection, "held_snapshots", (HELD_FOR,))
        yield from _settings(state)
        way = (after - before) // 2
        ahead = int(there) - (before + after) // 2
        yield checks.clock_skew(0.0 if abs(ahead) <= way else ahead / MICROSECONDS, "the server's clock")
        yield checks.connections(state[7], state[8])
        yield checks.dead_rows(state[9], state[10], state[11])
        yield from _snapshots(held)
        yield _pooling(pooled=self._database.pooled)

    def broken(self, rule: str, limit: int) -> list[tuple[str | None, str]]:
        """Return at most ``limit`` rows that break a rule: the job's id, if it is one, and how."""
        with self._database.single() as connection:
            rows = self._database.run(connection, f"broken_{rule}", (limit,))
        return [(None if job_id is None else str(job_id), told) for job_id, told in rows]


def _settings(state: Any) -> Iterator[Check]:
    version, number, fsync, synchronous, full_pages, autovacuum, standby = state[:7]
    if number < checks.OLDEST_SERVER:
        told, way_out = f"PostgreSQL {version} is older than 14", "upgrade the server"
        yield Check(name="version", level=Level.PROBLEM, told=told, way_out=way_out)
    else:
        yield Check(name="version", told=f"PostgreSQL {version}")
    if standby:
        told, way_out = "the server is a standby, where nothing can be stored", "name the primary in the URL"
        yield Check(name="standby", level=Level.PROBLEM, told=told, way_out=way_out)
    if not fsync or not full_pages:
        off = "fsync" if not fsync else "full_page_writes"
        told = f"{off} is off: after a power failure the whole database may be lost"
        yield Check(name="durability", level=Level.PROBLEM, told=told, way_out=f"{off} = on in postgresql.conf")
    elif synchronous == "off":
        told = "synchronous_commit is off: what was acknowledged last may be lost when the server crashes"
        yield Check(name="durability", level=Level.WARNING, told=told, way_out="synchronous_commit = on")
    else:
        yield Check(name="durability", told=f"what is acknowledged is stored (synchronous_commit {synchronous})")
    if autovacuum:
        yield Check(name="autovacuum", told="autovacuum runs")
    else:
        told = "autovacuum is off: dead rows pile up and claims become slow"
        yield Check(name="autovacuum", level=Level.PROBLEM, told=told, way_out="autovacuum = on in postgresql.conf")


def _snapshots(held: list[Any]) -> Iterator[Check]:
    for what, whose, state, seconds in held:
        told = f"{what} ({whose}, {state}) has been open for {seconds:.0f} s: nothing it may see can be vacuumed"
        yield Check(name="snapshots", level=Level.WARNING, told=told, way_out="end it, or make it shorter")
    if not held:
        yield Check(name="snapshots", told=f"no transaction has held a snapshot for {HELD_FOR:.0f} s")


def _pooling(*, pooled: bool) -> Check:
    if pooled:
        told = "through a pooler: no prepared statements, and new jobs are noticed within half a second, not at once"
        return Check(name="pooler", told=told)
    return Check(name="pooler", told="prepared statements and wake-ups by NOTIFY are in use (pooled=no)")
