"""The WorkerQueue port: the heart of speed. One write transaction hands in what has ended and claims what is next."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import apsw

from forge_jobs.errors import ClaimLost
from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.passing import callers_block, passing
from forge_jobs.storage.records import Claim, Ended, Exchanged, Want, given_back
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.doorbell import Bells
from forge_jobs.storage.sqlite.hand_in import hand_in
from forge_jobs.storage.sqlite.rows import claim_of, json_text, settings_of, text


class SqliteWorkerQueue:
    """Claims and hand-ins."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells

    def exchange(self, process_id: int, ended: Sequence[Ended], want: Want | None) -> Exchanged | None:
        """Hand in what has ended and claim what is next; None if the process is not registered any more."""
        with self._database.writing() as connection:
            registered = self._database.run(connection, "registered", (process_id,))
            if not registered:
                return None
            refused = hand_in(self._database, connection, ended, registered[0][0])
            queue = want.queue if want else (ended[0].queue if ended else "")
            settings = self._settings(connection, queue)
            claims: list[Claim] = []
            if want and not settings.paused and self._has_room(connection, process_id, settings):
                claims = self._claim(connection, process_id, want)
        for end in ended:
            if end.scheduled_at is not None:  # somebody must know when it is due again
                self._bells.ring(end.queue, 0, end.scheduled_at)
        return Exchanged(claims=claims, refused=refused, settings=settings)

    @contextlib.contextmanager
    def completing(self, end: Callable[[], Ended]) -> Iterator[apsw.Connection]:
        """Give a connection for the caller's own statements, in a transaction that then records ``end()`` too."""
        with passing(), self._database.writing() as connection:
            with callers_block():
                yield connection
                ended = end()
            registered = self._database.run(connection, "registered", (ended.process_id,))
            if not registered or hand_in(self._database, connection, [ended], registered[0][0]):
                raise ClaimLost(f"job {ended.id} was given to another worker meanwhile: nothing was committed")

    def give_back_unknown(self, process_id: int, known: Sequence[int]) -> int:
        """Give back, attempt too, every claim of the process whose number is not in ``known``; return how many."""
        now = self._database.clock.now()
        with self._database.writing() as connection:
            held = map(claim_of, self._database.run(connection, "claims_of", (process_id,)))
            strays = [given_back(claim, process_id, now) for claim in held if claim.claim_no not in known]
            hand_in(self._database, connection, strays, None)
        return len(strays)

    def _settings(self, connection: apsw.Connection, queue: str) -> QueueSettings:
        row = self._database.run(connection, "queue_settings", (queue,))
        return settings_of(row[0]) if row else QueueSettings(name=queue)

    def _has_room(self, connection: apsw.Connection, process_id: int, settings: QueueSettings) -> bool:
        """Return whether the queue's cap lets one more process run its jobs."""
        if settings.max_workers is None:
            return True
        ((others,),) = self._database.run(connection, "count_claimants", (settings.name, process_id))
        return bool(others < settings.max_workers)

    def _claim(self, connection: apsw.Connection, process_id: int, want: Want) -> list[Claim]:
        now = self._database.clock.now()
        claims: list[Claim] = []
        cost, size = 0.0, 0
        asked = (want.queue, json_text(want.kinds), want.rows, now)
        in_line = self._database.run(connection, "claim_candidates", asked)
        for seq, job_id, kind, attempts, max_attempts, crashes, stored, time_limit, expires_at in in_line:
            payload: bytes = self._payload(connection, seq) if stored is None else stored
            cost += want.costs.get(kind, float("inf"))
            size += len(payload)
            if claims and (cost > want.budget or size > want.size):
                break
            number = want.first_claim_no + len(claims)
            claims.append(
                Claim(
                    seq,
                    text(job_id),
                    kind,
                    want.queue,
                    number,
                    attempts + 1,
                    max_attempts,
                    crashes,
                    payload,
                    time_limit=time_limit,
                    expires_at=expires_at,
                )
            )
        connection.executemany(statement("sqlite", "claim"), [(process_id, c.claim_no, now, c.key) for c in claims])
        return claims

    def _payload(self, connection: apsw.Connection, seq: int) -> bytes:
        found = self._database.run(connection, "body_of", (seq,))
        return found[0][0] or b"null" if found else b"null"
