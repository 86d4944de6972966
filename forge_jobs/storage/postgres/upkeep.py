"""The Upkeep port: housekeeping in small slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Cause, Status
from forge_jobs.storage.admission import admit, parking_of
from forge_jobs.storage.announcing import End
from forge_jobs.storage.noting import Tally
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.announcing import announce
from forge_jobs.storage.postgres.control import FRESH
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.doorbell import Bells
from forge_jobs.storage.postgres.hand_in import add_errors, add_tallies
from forge_jobs.storage.postgres.metrics import add_observed
from forge_jobs.storage.postgres.registry import PostgresRegistry
from forge_jobs.storage.postgres.retention import clean
from forge_jobs.storage.reading import record
from forge_jobs.storage.records import (
    FIRST_IN_LINE,
    NO_WORKER,
    PUT_OFF,
    UNKNOWN_KIND,
    UNPARK_SLICE,
    Glance,
    Opened,
    RunTotals,
    Trouble,
    Unserved,
    glance_of,
    opened_of,
)

COUNT_LIMIT = 300
"""How far ready jobs of a queue are counted: to know how many workers to wake, more is of no use."""

HELD_FOR = 60.0
"""Seconds from which on a transaction is told of that holds a snapshot."""

MANY_DEAD = 200_000
FOLD_AT = 1000
FOLD_SLICE = 50_000

_ALL = None


class PostgresUpkeep:
    """What the coordinator does for the whole database."""

    def __init__(self, database: Database, bells: Bells, registry: PostgresRegistry) -> None:
        self._database = database
        self._bells = bells
        self._registry = registry

    def open_due(self, limit: int) -> Opened:
        """Make at most ``limit`` jobs ready whose time has come."""
        now = self._database.clock.now()
        ready: Counter[str] = Counter()
        due = self._next_due()
        if due is not None and due <= now:
            with self._database.writing() as connection:
                ready, keys = opened_of(self._database.run(connection, "open_due", (instant(now), limit)))
                ready.update(admit(self._database, connection, keys))
            due = self._next_due()
        return Opened(ready=dict(ready), next_due=due)

    def _next_due(self) -> int | None:
        with self._database.single() as connection:
            ((due,),) = self._database.run(connection, "next_due")
            return None if due is None else int(due)

    def look(self, host_id: str) -> Glance:
        """Return all that may be to do, for this host or the leader."""
        now = self._database.clock.now()
        values = (COUNT_LIMIT, host_id, instant(now - FRESH), instant(now))
        with self._database.single() as connection:
            return glance_of(self._database.run(connection, "look", values))

    def unfinished(self, queues: Sequence[str], kinds: Sequence[str]) -> int:
        """Return how many jobs hold a drain: ready ones of ``kinds`` (as one), running ones, those to be retried."""
        total, soon = 0, self._database.clock.now() + PUT_OFF
        with self._database.snapshot() as connection:
            paused = {row[0] for row in self._database.run(connection, "queues") if row[1]}
            for queue in queues:
                if queue not in paused:
                    ((ready,),) = self._database.run(connection, "ready_of_kinds", (queue, list(kinds)))
                    ((retrying,),) = self._database.run(connection, "retrying_in", (queue, instant(soon)))
                    total += ready + retrying
                ((running,),) = self._database.run(connection, "running_in", (queue,))
                total += running
        return total

    def unserved(self) -> list[Unserved]:
        """Return the jobs that wait although nobody alive will take them."""
        return self._survey(_ALL)[0]

    def _survey(self, first: int | None) -> tuple[list[Unserved], list[tuple[str, str]]]:
        """Return the jobs that nobody serves, and (queue, kind) of those that are parked though somebody does.

        Of those that are ready only so many are looked at, the first in each line.
        """
        with self._database.single() as connection:
            waiting: Counter[tuple[str, str]] = Counter()
            for (queue,) in self._database.run(connection, "ready_queues"):
                for kind, jobs in self._database.run(connection, "ready_kinds", (queue, first)):
                    waiting[queue, kind] += jobs
            parked = self._database.run(connection, "parked_kinds")
            for queue, kind, jobs in parked:
                waiting[queue, kind] += jobs
            hosts = self._registry.live_hosts(connection) if waiting else []
        served = {queue for host in hosts for queue in host.queues}
        known = {(queue, kind) for host in hosts for queue in host.queues for kind in host.kinds}
        return [
            Unserved(queue=q, kind=k, jobs=n, reason=UNKNOWN_KIND if q in served else NO_WORKER)
            for (q, k), n in sorted(waiting.items())
            if (q, k) not in known
        ], [(queue, kind) for queue, kind, _jobs in parked if (queue, kind) in known]

    def park_unserved(self, limit: int) -> list[Unserved]:
        """Take jobs of kinds that no live host knows out of the claim's way; return those that nobody serves.

        Only the first in line are in its way: not more than ``FIRST_IN_LINE`` of each queue are looked at.
        """
        unserved, mistaken = self._survey(FIRST_IN_LINE)
        work: list[tuple[str, tuple[object, ...]]] = [
            ("unpark_served", ([queue], [kind], UNPARK_SLICE)) for queue, kind in mistaken
        ]
        work += parking_of(unserved, limit)
        if work:
            with self._database.writing() as connection:
                rows = [row for name, values in work for row in self._database.run(connection, name, values)]
                ready = admit(self._database, connection, [(kind, key) for kind, key in rows if key is not None])
                self._bells.ring_all(connection, ready)
        return unserved

    def park(self, queue: str, kind: str, limit: int) -> int:
        """Take at most ``limit`` ready jobs of a kind that nobody knows out of the claim's way; return how many."""
        with self._database.writing() as connection:
            return len(self._database.run(connection, "park_unserved", (queue, kind, limit)))

    def prune(self, limit: int) -> int:
        """Remove at most ``limit`` finished jobs past their queue's retention; return how many."""
        return sum(self.clean(limit).values())

    def clean(self, limit: int, queue: str | None = None) -> Mapping[tuple[str, str], int]:
        """Do what ``prune`` does, to one queue if one is named; return how many went of each queue and outcome."""
        return clean(self._database, limit, queue)

    def expire(self, limit: int) -> int:
        """End at most ``limit`` waiting jobs for which it is too late; return how many."""
        now = self._database.clock.now()
        with self._database.single() as connection:
            if not self._database.run(connection, "expired", (instant(now), 1)):
                return 0
        tally: Tally = Counter()
        seen = Observations()
        with self._database.writing() as connection:
            late = self._database.run(connection, "expired", (instant(now), limit))
            told = "it was too late to start it"
            errors = [
                (seq, ErrorEntry(at=now, attempt=tried, cause=Cause.EXPIRED, message=told))
                for seq, _, tried, *_ in late
            ]
            ends = [
                End(job_id, kind, queue, tried, Status.DEAD, now, entry)
                for (_, queue, tried, kind, _, job_id), (_, entry) in zip(late, errors, strict=True)
            ]
            self._database.many(connection, "cancel_waiting", [(instant(now), seq) for seq, *_ in late])
            add_errors(self._database, connection, errors)
            for _seq, queue, _attempts, kind, _key, _id in late:
                tally[queue, "dead"] += 1
                seen.dropped(queue, kind, Cause.EXPIRED)
            add_tallies(self._database, connection, None, tally)
            add_observed(self._database, connection, now, seen)
            freed = [(kind, key) for *_, kind, key, _id in late if key is not None]
            self._bells.ring_all(connection, admit(self._database, connection, freed))
            self._bells.ring_all(connection, announce(self._database, connection, ends))
        return sum(tally.values())

    def fold_tallies(self) -> None:
        """Sum the tallies of ended jobs into one row for each queue and outcome, once there are many."""
        with self._database.single() as connection:
            ((rows,),) = self._database.run(connection, "tally_rows")
        if rows < FOLD_AT:
            return
        with self._database.writing() as connection:
            sums = self._database.run(connection, "fold_tallies_read", (FOLD_SLICE,))
            self._database.many(connection, "add_tally", sums)

    def run_totals(self, host_id: str) -> RunTotals:
        """Return how the attempts of this host ended."""
        with self._database.single() as connection:
            return record(RunTotals, **dict(self._database.run(connection, "run_totals", (host_id,))))

    def troubles(self) -> list[Trouble]:
        """Return what about the server makes the queue slow: snapshots that are held, and rows that are dead."""
        with self._database.single() as connection:
            held = self._database.run(connection, "held_snapshots", (HELD_FOR,))
            ((dead, live),) = self._database.run(connection, "dead_rows") or [(0, 0)]
        found = [
            Trouble(
                what=what,
                told=f"{what} ({whose}, {state}) has been open for {seconds:.0f} s: the server keeps every row version "
                "that it may still see, and claims become slow; end it",
            )
            for what, whose, state, seconds in held
        ]
        if dead > MANY_DEAD and dead > live:
            told = f"the job table has {dead} dead rows and {live} living ones: autovacuum is behind, or held up"
            found.append(Trouble(what="dead rows", told=told))
        return found

    def quarantine(self) -> int:
        """End live jobs whose rows a hand has damaged; return how many."""
        return 0  # the server's types and checks let nothing in of which no claim can be made

    def checkpoint(self) -> None:
        """Do nothing: the server does that by itself."""
