"""The Upkeep port: housekeeping in small slices."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence

import apsw

from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Cause, Status
from forge_jobs.storage.admission import Key, admit, parking_of
from forge_jobs.storage.announcing import End
from forge_jobs.storage.noting import Tally
from forge_jobs.storage.observing import Observations
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
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.announcing import announce
from forge_jobs.storage.sqlite.control import FRESH
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.doorbell import Bells
from forge_jobs.storage.sqlite.hand_in import add_error, add_tallies
from forge_jobs.storage.sqlite.metrics import add_observed
from forge_jobs.storage.sqlite.quarantine import quarantine
from forge_jobs.storage.sqlite.registry import SqliteRegistry
from forge_jobs.storage.sqlite.retention import clean
from forge_jobs.storage.sqlite.rows import json_text, text

COUNT_LIMIT = 300
"""How far ready jobs of a queue are counted: to know how many workers to wake, more is of no use."""

LARGE_LOG_BYTES = 256 * 1024 * 1024
CHECKPOINT_BYTES = 4 * 1024 * 1024
FOLD_AT = 1000

_ALL = -1
_State = tuple[apsw.Connection, str, int]


class SqliteUpkeep:
    """What the coordinator does for the whole database."""

    def __init__(self, database: Database, bells: Bells, registry: SqliteRegistry) -> None:
        self._database = database
        self._bells = bells
        self._registry = registry
        self._log = f"{database.path}-wal"
        self._seen: tuple[_State, Glance] | None = None

    def open_due(self, limit: int) -> Opened:
        """Make at most ``limit`` jobs ready whose time has come."""
        now = self._database.clock.now()
        ready: Counter[str] = Counter()
        due = self._next_due()
        if due is not None and due <= now:
            with self._database.writing() as connection:
                ready, keys = opened_of(self._database.run(connection, "open_due", (now, limit)))
                ready.update(admit(self._database, connection, keys))
            due = self._next_due()
        return Opened(ready=dict(ready), next_due=due)

    def _next_due(self) -> int | None:
        with self._database.reading() as connection:
            ((due,),) = self._database.run(connection, "next_due")
            return due if isinstance(due, int) else None

    def look(self, host_id: str) -> Glance:
        """Return all that may be to do, for this host or the leader.

        That is what was seen the last time, without looking, where the database has not changed and time alone changes
        nothing either: an idle farm does little else.
        """
        now = self._database.clock.now()
        with self._database.reading() as connection:
            if self._seen is not None and self._is_unchanged(connection, host_id, self._seen[0]):
                return self._seen[1]
            rows = self._database.run(connection, "look", (COUNT_LIMIT, host_id, now - FRESH, now))
            version = connection.data_version()  # that which the statement has read
        glance, (cools_down, *_) = glance_of(rows), rows[-1]
        self._seen = None if cools_down else ((connection, host_id, version), glance)
        return glance

    def _is_unchanged(self, connection: apsw.Connection, host_id: str, state: _State) -> bool:
        if state != (connection, host_id, connection.data_version()):
            return False  # this connection itself has changed something
        connection.pragma("data_version")  # looks what others have done
        return state[2] == connection.data_version()

    def unfinished(self, queues: Sequence[str], kinds: Sequence[str]) -> int:
        """Return how many jobs hold a drain: ready ones of ``kinds`` (as one), running ones, those to be retried."""
        total, soon = 0, self._database.clock.now() + PUT_OFF
        with self._database.snapshot() as connection:
            paused = {row[0] for row in self._database.run(connection, "queues") if row[1]}
            for queue in queues:
                if queue not in paused:
                    ((ready,),) = self._database.run(connection, "ready_of_kinds", (queue, json_text(kinds)))
                    ((retrying,),) = self._database.run(connection, "retrying_in", (queue, soon))
                    total += ready + retrying
                ((running,),) = self._database.run(connection, "running_in", (queue,))
                total += running
        return total

    def unserved(self) -> list[Unserved]:
        """Return the jobs that wait although nobody alive will take them."""
        return self._survey(_ALL)[0]

    def _survey(self, first: int) -> tuple[list[Unserved], list[tuple[str, str]]]:
        """Return the jobs that nobody serves, and (queue, kind) of those that are parked though somebody does.

        Of those that are ready only so many are looked at, the first in each line.
        """
        with self._database.snapshot() as connection:
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
            for (q, k), n in sorted(waiting.items(), key=repr)
            if (q, k) not in known
        ], [(queue, kind) for queue, kind, _jobs in parked if (queue, kind) in known]

    def park_unserved(self, limit: int) -> list[Unserved]:
        """Take jobs of kinds that no live host knows out of the claim's way; return those that nobody serves.

        Only the first in line are in its way: not more than ``FIRST_IN_LINE`` of each queue are looked at.
        """
        unserved, mistaken = self._survey(FIRST_IN_LINE)
        work: list[tuple[str, tuple[object, ...]]] = [
            ("unpark_served", (json_text([queue]), json_text([kind]), UNPARK_SLICE)) for queue, kind in mistaken
        ]
        work += parking_of(unserved, limit)
        if work:
            with self._database.writing() as connection:
                rows = [row for name, values in work for row in self._database.run(connection, name, values)]
                ready = admit(self._database, connection, [(kind, key) for kind, key in rows if key is not None])
            self._ring(ready)
        return unserved

    def _ring(self, ready: Mapping[str, int]) -> None:
        for queue, jobs in ready.items():
            self._bells.ring(queue, jobs, None)

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
        with self._database.reading() as connection:
            if not self._database.run(connection, "expired", (now, 1)):
                return 0
        tally: Tally = Counter()
        freed: set[Key] = set()
        told: list[End] = []
        seen = Observations()
        with self._database.writing() as connection:
            for seq, queue, attempts, kind, limit_key, job_id in self._database.run(
                connection, "expired", (now, limit)
            ):
                self._database.run(connection, "cancel_waiting", (now, seq))
                entry = ErrorEntry(at=now, attempt=attempts, cause=Cause.EXPIRED, message="it was too late to start it")
                add_error(self._database, connection, seq, entry)
                told.append(End(text(job_id), kind, queue, attempts, Status.DEAD, now, entry))
                tally[queue, "dead"] += 1
                seen.dropped(queue, kind, Cause.EXPIRED)
                if limit_key is not None:
                    freed.add((kind, limit_key))
            add_tallies(connection, None, tally)
            add_observed(connection, now, seen)
            ready = admit(self._database, connection, freed) + announce(self._database, connection, told)
        self._ring(ready)
        return sum(tally.values())

    def fold_tallies(self) -> None:
        """Sum the tallies of ended jobs into one row for each queue and outcome, once there are many."""
        with self._database.reading() as connection:
            ((rows,),) = self._database.run(connection, "tally_rows")
        if rows < FOLD_AT:
            return
        with self._database.writing() as connection:
            sums = self._database.run(connection, "fold_tallies_read")
            self._database.run(connection, "fold_tallies_clear")
            connection.executemany(statement("sqlite", "add_tally"), sums)

    def run_totals(self, host_id: str) -> RunTotals:
        """Return how the attempts of this host ended."""
        with self._database.reading() as connection:
            return record(RunTotals, **dict(self._database.run(connection, "run_totals", (host_id,))))

    def troubles(self) -> list[Trouble]:
        """Return what about the file makes the queue slow: a log that cannot be moved into it."""
        size = self._log_size()
        if size < LARGE_LOG_BYTES:
            return []
        told = f"{self._log} has grown to {size // 2**20} MiB: some program keeps a read transaction open; end it"
        return [Trouble(what="log", told=told)]

    def quarantine(self) -> int:
        """End live jobs whose rows a hand has damaged; return how many."""
        return quarantine(self._database)

    def checkpoint(self) -> None:
        """Move what was committed into the database file once the log has grown to 4 MB; waits for nobody."""
        if self._log_size() < CHECKPOINT_BYTES:
            return
        with self._database.reading() as connection, contextlib.suppress(apsw.BusyError):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def _log_size(self) -> int:
        try:
            return os.stat(self._log).st_size  # noqa: PTH116 - twice a second, in an idle farm too
        except FileNotFoundError:
            return 0
