"""All that ``forge-jobs doctor`` looks at: the schema, the database, the hosts, and what waits for nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import DatabaseError
from forge_jobs.model.checks import Check, Level

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage

LATE_BEAT = 15.0
"""Seconds after which a live host's silence is told: it beats every two."""

EARLY_BEAT = 2.0


def examine(storage: Storage, *, deep: bool) -> Iterator[Check]:
    """Give what was found, one after the other; never raises DatabaseError: that is a finding too. Changes nothing."""
    try:
        described = storage.schema.describe()
        schema = _schema(storage, described)
        yield schema
        if schema.level is Level.OK:
            yield from storage.checkup.checks(deep=deep)
            yield from _hosts(storage)
            yield from _waiting(storage)
    except DatabaseError as error:
        yield Check(name="database", level=Level.PROBLEM, told=str(error))


def _schema(storage: Storage, described: dict[str, object]) -> Check:
    if not described["exists"]:
        told, way_out = f"there is no database {storage.location}", "forge-jobs-db create, or another --database"
        return Check(name="schema", level=Level.PROBLEM, told=told, way_out=way_out)
    pending = described["pending_migrations"]
    if isinstance(pending, list) and pending:
        told = f"migrations are pending: {', '.join(map(str, pending))}"
        return Check(name="schema", level=Level.PROBLEM, told=told, way_out="forge-jobs-db migrate")
    return Check(name="schema", told=f"the schema is current (version {described['schema_version']})")


def _hosts(storage: Storage) -> Iterator[Check]:
    now = storage.clock.now()
    alive = [host for host in storage.registry.hosts() if host.alive]
    if not alive:
        told, way_out = "no supervisor is alive: nothing is run", "forge-jobs supervise --app MODULE:ATTR"
        yield Check(name="supervisors", level=Level.WARNING, told=told, way_out=way_out)
        return
    names = ", ".join(f"{host.label} (pid {host.pid})" for host in alive)
    yield Check(name="supervisors", told=f"{len(alive)} live: {names}")
    for host in alive:
        ago = (now - host.beat_at) / MICROSECONDS
        if ago > LATE_BEAT:
            told = f"supervisor {host.label} (pid {host.pid}) was last heard of {ago:.0f} s ago"
            way_out = "look at its log; is its machine overloaded, or its coordinator stopped?"
            yield Check(name="beats", level=Level.WARNING, told=told, way_out=way_out)
        elif ago < -EARLY_BEAT:
            told = f"supervisor {host.label} (pid {host.pid}) was heard of {-ago:.0f} s from now: a clock was set back"
            way_out = "let the machine follow a time server without steps"
            yield Check(name="beats", level=Level.WARNING, told=told, way_out=way_out)


def _waiting(storage: Storage) -> Iterator[Check]:
    unserved = storage.upkeep.unserved()
    for item in unserved:
        told = f"unserved: {item.jobs:,} of kind {item.kind} in queue {item.queue}: {item.reason}"
        way_out = "serve them, move them (forge-jobs move) or cancel them (forge-jobs cancel)"
        yield Check(name="unserved", level=Level.WARNING, told=told, way_out=way_out)
    if not unserved and any(host.alive for host in storage.registry.hosts()):
        yield Check(name="unserved", told="every job that waits has somebody to run it")
    for queue in storage.queue_config.queues():
        if queue.paused:
            told, way_out = f"queue {queue.name} is paused", f"forge-jobs queue resume {queue.name}"
            yield Check(name="paused", level=Level.WARNING, told=told, way_out=way_out)
