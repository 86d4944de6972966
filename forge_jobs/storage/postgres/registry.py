"""The ProcessRegistry port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from forge_jobs.storage.census import Census, census_of
from forge_jobs.storage.claims import Claim, Ended
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.doorbell import Bells
from forge_jobs.storage.postgres.hand_in import hand_in
from forge_jobs.storage.postgres.liveness import Liveness
from forge_jobs.storage.postgres.rows import claim_of, json_text
from forge_jobs.storage.reading import decoded, record
from forge_jobs.storage.records import UNPARK_SLICE, HostRecord, ProcessRecord, WorkerView


class PostgresRegistry:
    """Supervisors and workers, as they announced themselves."""

    def __init__(self, database: Database, bells: Bells, liveness: Liveness) -> None:
        self._database = database
        self._bells = bells
        self._liveness = liveness
        self._acts = False  # whether this is a host itself, which settles the jobs of dead ones

    def announce_host(self, host: HostRecord) -> None:
        """Register a supervisor; make jobs of its kinds claimable again."""
        self._acts = True
        now = self._database.clock.now()
        queues, kinds = json_text(host.queues), json_text(host.kinds)
        row = (
            host.host_id,
            host.hostname,
            host.pid,
            host.label,
            host.version,
            queues,
            kinds,
            host.life_lock,
            instant(now),
        )
        with self._database.writing() as connection:
            self._database.run(connection, "announce_host", row)
            served = (list(host.queues), list(host.kinds), UNPARK_SLICE)
            freed = {(kind, key) for kind, key in self._database.run(connection, "unpark_served", served) if key}
            self._database.many(connection, "add_admission", sorted(freed | {(kind, "") for kind in host.kinds}))

    def announce_worker(self, process: ProcessRecord) -> None:
        """Register one worker. From here on its exchanges are accepted."""
        row = (
            process.process_id,
            process.host_id,
            process.queue,
            process.number,
            process.pid,
            instant(process.started_at),
        )
        with self._database.writing() as connection:
            self._database.run(connection, "announce_worker", row)

    def beat(self, host_id: str, workers: Sequence[WorkerView]) -> bool:
        """Say that the host lives, and store what its board shows; False when it is not registered any more."""
        with self._database.single() as connection:
            values = (instant(self._database.clock.now()), json_text(workers), host_id)
            return bool(self._database.run(connection, "beat", values))

    def hosts(self) -> list[HostRecord]:
        """Return every registered host; ``alive`` is judged now."""
        with self._database.single() as connection:
            return [host for host, _workers in self._hosts(connection)]

    def workers(self) -> list[tuple[HostRecord, WorkerView]]:
        """Return what the boards of the live hosts showed at their last beat."""
        with self._database.single() as connection:
            return [(host, worker) for host, workers in self._hosts(connection) if host.alive for worker in workers]

    def live_workers(self, connection: psycopg.Connection[Any]) -> list[WorkerView]:
        """Return the workers of all live hosts, inside the caller's transaction."""
        return [worker for host, workers in self._hosts(connection) if host.alive for worker in workers]

    def live_hosts(self, connection: psycopg.Connection[Any]) -> list[HostRecord]:
        """Return the hosts that live, inside the caller's transaction."""
        return [host for host, _workers in self._hosts(connection) if host.alive]

    def boards(self, connection: psycopg.Connection[Any]) -> list[tuple[HostRecord, list[WorkerView]]]:
        """Return every registered host with what its board showed, inside the caller's transaction."""
        return self._hosts(connection)

    def _hosts(self, connection: psycopg.Connection[Any]) -> list[tuple[HostRecord, list[WorkerView]]]:
        return [self._host(row) for row in self._database.run(connection, "hosts")]

    def _host(self, row: Any) -> tuple[HostRecord, list[WorkerView]]:
        host = record(
            HostRecord,
            host_id=row[0],
            hostname=row[1],
            pid=row[2],
            label=row[3],
            version=row[4],
            queues=decoded(row[5], list[str], list),
            kinds=decoded(row[6], list[str], list),
            life_lock=row[7],
            started_at=row[8],
            beat_at=row[9],
            alive=self._liveness.is_alive(row[0], row[9], row[10], dead=row[11], patient=self._acts),
        )
        return host, decoded(row[12], list[WorkerView], list)

    def claims_of(self, process_ids: Sequence[int]) -> dict[int, list[Claim]]:
        """Return the claims each process holds by the record, in the order of their numbers."""
        with self._database.snapshot() as connection:
            return {process_id: self._claims_of(connection, process_id) for process_id in process_ids}

    def _claims_of(self, connection: psycopg.Connection[Any], process_id: int) -> list[Claim]:
        rows = self._database.run(connection, "claims_of", (process_id,))
        return [claim_of(row) for row in rows]

    def claims_before(self, moment: int) -> dict[int, list[Claim]]:
        """Return the claims, by process, that were made before ``moment`` and have not ended."""
        found: dict[int, list[Claim]] = {}
        with self._database.single() as connection:
            for row in self._database.run(connection, "claims_before", (instant(moment),)):
                found.setdefault(row[9], []).append(claim_of(row))
        return found

    def bury(self, process_id: int, ended: Sequence[Ended], host_id: str) -> None:
        """Hand in ``ended`` for a dead process, which is taken off the registry in the same transaction."""
        with self._database.writing() as connection:
            # The worker's row first: whoever hands in locks it first too, so that no two wait for each other.
            self._database.run(connection, "retire_process", (process_id,))
            self._bells.ring_all(connection, hand_in(self._database, connection, ended, host_id).ready)

    def census(self, host_id: str, living: Sequence[int]) -> Census:
        """Return who is dead of those that hold claims or a registration, and who holds claims."""
        with self._database.single() as connection:  # the processes first: the host of each is there
            processes = self._database.run(connection, "census")
            hosts = [host for host, _workers in self._hosts(connection)]
        return census_of(processes, hosts, host_id, living, self._database.clock.now())

    def retire_host(self, host_id: str) -> None:
        """Take a host and all its processes off the registry."""
        with self._database.writing() as connection:
            self._database.run(connection, "retire_host_processes", (host_id,))
            self._database.run(connection, "retire_host", (host_id,))
