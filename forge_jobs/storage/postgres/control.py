"""The Control port: what operators ask of hosts, and the answers."""

from __future__ import annotations

from forge_jobs.clock import MICROSECONDS
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.doorbell import Bells
from forge_jobs.storage.records import Request

FRESH = 10 * MICROSECONDS
"""For how long a question is answered: after that nobody waits for it."""

KEPT = 60 * MICROSECONDS


class PostgresControl:
    """Questions and answers, in a table of their own."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells

    def cancel_requests(self) -> list[tuple[int, int]]:
        """Return (process id, claim number) of every running job that is to be stopped."""
        with self._database.single() as connection:
            return [(row[0], row[1]) for row in self._database.run(connection, "cancel_requests")]

    def ask(self, host_id: str, process_id: int | None, verb: str) -> int:
        """Ask a host and ring; return the number of the question."""
        now = self._database.clock.now()
        with self._database.writing() as connection:
            self._database.run(connection, "forget_requests", (instant(now - KEPT),))
            ((number,),) = self._database.run(connection, "ask", (host_id, process_id, verb, instant(now)))
            self._bells.call(connection)
        return int(number)

    def asked(self, host_id: str) -> list[Request]:
        """Return what is asked of a host and not answered."""
        since = instant(self._database.clock.now() - FRESH)
        with self._database.single() as connection:
            rows = self._database.run(connection, "asked", (host_id, since))
        return [Request(number=row[0], process_id=row[1], verb=row[2]) for row in rows]

    def answer(self, number: int, text: str) -> None:
        """Answer a question."""
        with self._database.writing() as connection:
            self._database.run(connection, "answer", (text, number))

    def answer_of(self, number: int) -> str | None:
        """Return the answer, or None while there is none."""
        with self._database.single() as connection:
            rows = self._database.run(connection, "answer_of", (number,))
        return rows[0][0] if rows else None
