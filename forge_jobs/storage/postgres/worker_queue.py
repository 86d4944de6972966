"""The WorkerQueue port: the heart of speed. One round trip hands in what has ended and claims what is next."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import psycopg

from forge_jobs.errors import ClaimLost
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.storage.passing import callers_block, passing
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.doorbell import Bells
from forge_jobs.storage.postgres.hand_in import done_values, hand_in, refused_of
from forge_jobs.storage.postgres.line import Claimed, Line, Place
from forge_jobs.storage.postgres.rows import claim_of, settings_of
from forge_jobs.storage.records import Claim, Ended, Exchanged, Want, given_back

Statement = tuple[str, tuple[object, ...]]


class PostgresWorkerQueue:
    """Claims and hand-ins."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells
        self._line = Line()

    def exchange(self, process_id: int, ended: Sequence[Ended], want: Want | None) -> Exchanged | None:
        """Hand in what has ended and claim what is next; None if the process is not registered any more."""
        queue = want.queue if want else (ended[0].queue if ended else "")
        behind = self._line.behind()
        claim = _claim_statement(process_id, want, self._database.clock.now(), behind) if want else None
        if all(end.status is Status.DONE and end.process_id == process_id for end in ended):
            registered, refused, settings, claimed = self._at_once(process_id, ended, queue, claim)
        else:
            registered, refused, settings, claimed = self._step_by_step(process_id, ended, queue, claim)
        if not registered:
            return None
        if want and self._line.learn(behind, [Claimed(row[10], row[11], row[0], row[12]) for row in claimed]):
            anew = self.exchange(process_id, (), want)
            return None if anew is None else msgspec.structs.replace(anew, refused=refused)
        claims = sorted((_claim_of(row, queue) for row in claimed), key=lambda claim: claim.claim_no)
        of_queue = settings_of(settings[0]) if settings else QueueSettings(name=queue)
        return Exchanged(claims=claims, refused=refused, settings=of_queue)

    def _at_once(
        self, process_id: int, ended: Sequence[Ended], queue: str, claim: Statement | None
    ) -> tuple[list[Any], list[int], list[Any], list[Any]]:
        """Send everything in one go: what a process does that is not registered any more matches nothing."""
        database = self._database
        with database.piped() as pipe:
            pipe.send("registered_shared", (process_id,))
            if ended:
                pipe.send("hand_in_done_registered", done_values(process_id, ended, None))
            pipe.send("queue_settings_claiming" if claim else "queue_settings", (queue,))
            if claim:
                pipe.send(*claim)
        rows = pipe.rows
        registered, settings = rows[0], rows[2 if ended else 1]
        refused: list[int] = []
        if ended and registered and len(rows[1]) < len(ended):
            with database.single() as connection:
                refused = refused_of(database, connection, ended, rows[1])
        return registered, refused, settings, rows[-1] if claim else []

    def _step_by_step(
        self, process_id: int, ended: Sequence[Ended], queue: str, claim: Statement | None
    ) -> tuple[list[Any], list[int], list[Any], list[Any]]:
        """Do one after the other: what becomes of a failure depends on what the row says."""
        database = self._database
        with database.writing() as connection:
            registered = database.run(connection, "registered_shared", (process_id,))
            if not registered:
                return [], [], [], []
            refused = hand_in(database, connection, ended, registered[0][0])
            settings = database.run(connection, "queue_settings_claiming" if claim else "queue_settings", (queue,))
            claimed = database.run(connection, *claim) if claim else []
            self._ring(connection, ended)
        return registered, refused, settings, claimed

    def _ring(self, connection: psycopg.Connection[Any], ended: Sequence[Ended]) -> None:
        for end in ended:
            if end.scheduled_at is not None:  # somebody must know when it is due again
                self._bells.ring(connection, end.queue, 0, end.scheduled_at)

    @contextlib.contextmanager
    def completing(self, end: Callable[[], Ended]) -> Iterator[psycopg.Connection[Any]]:
        """Give a connection for the caller's own statements, in a transaction that then records ``end()`` too."""
        database = self._database
        with passing(), database.lending() as lent:
            with callers_block():
                yield lent
                ended = end()
            ours = database.back(lent)
            registered = database.run(ours, "registered_shared", (ended.process_id,))
            if not registered or hand_in(database, ours, [ended], registered[0][0]):
                raise ClaimLost(f"job {ended.id} was given to another worker meanwhile: nothing was committed")

    def give_back_unknown(self, process_id: int, known: Sequence[int]) -> int:
        """Give back, attempt too, every claim of the process whose number is not in ``known``; return how many."""
        now = self._database.clock.now()
        with self._database.writing() as connection:
            held = map(claim_of, self._database.run(connection, "claims_of", (process_id,)))
            strays = [given_back(claim, process_id, now) for claim in held if claim.claim_no not in known]
            hand_in(self._database, connection, strays, None)
        return len(strays)


def _claim_statement(process_id: int, want: Want, now: int, behind: Place | None) -> Statement:
    values = (
        process_id, want.queue, list(want.kinds), want.rows, want.budget, want.size, instant(now),
        list(want.costs), [float(cost) for cost in want.costs.values()], want.first_claim_no,
    )  # fmt: skip
    return ("claim_behind", (*values, *behind)) if behind else ("claim", values)


def _claim_of(row: Any, queue: str) -> Claim:
    seq, job_id, kind, claim_no, attempts, max_attempts, crashes, payload, time_limit, expires_at = row[:10]
    return Claim(
        seq, job_id, kind, queue, claim_no, attempts, max_attempts, crashes, payload,
        time_limit=time_limit, expires_at=expires_at,
    )  # fmt: skip
