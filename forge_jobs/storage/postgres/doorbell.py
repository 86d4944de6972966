"""How coordinators are told that there is work: NOTIFY in the transaction that made it, one LISTEN for each host."""

from __future__ import annotations

import contextlib
import logging
import select
from collections.abc import Mapping
from typing import Any

import psycopg

from forge_jobs.clock import MICROSECONDS, monotonic
from forge_jobs.storage.postgres.connecting import connect
from forge_jobs.storage.postgres.database import Connection, Database
from forge_jobs.storage.postgres.errors import Late, translated

_log = logging.getLogger(__name__)

SOON = MICROSECONDS
"""A job that is due later than that need not be rung for: each coordinator asks twice a second what is due."""

PROVE_EVERY = 30.0
"""Seconds without a word from the server after which it is asked for one: something in between may keep up a connection
that leads nowhere any more, and whoever only listens would never know."""

ATTENTION = ""
"""Stands where a ring has its queue: operators want something."""


class Bells:
    """The producers' side. A ring is part of the caller's transaction: it is heard when that is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def channel(self) -> str:
        """The one channel of the database's schema."""
        return self._database.schema

    def ring(self, connection: Connection, queue: str, ready: int, due: int | None) -> None:
        """Tell every coordinator how many jobs are ready in the queue and when a scheduled one is due."""
        self._database.run(connection, "notify", (self.channel, message(queue, ready, due)))

    def ring_all(self, connection: Connection, ready: Mapping[str, int]) -> None:
        """Tell every coordinator of jobs that became ready, by queue."""
        for queue, jobs in ready.items():
            if jobs > 0:
                self.ring(connection, queue, jobs, None)

    def call(self, connection: Connection) -> None:
        """Ask every coordinator to look at once at what operators want: cancels, settings, questions."""
        self.ring(connection, ATTENTION, 0, None)


def message(queue: str, ready: int, due: int | None, whose: str = "") -> str:
    """Return a ring as it travels. ``whose`` tells it from others: of two alike the server drops one."""
    return f"{queue}\t{ready}\t{'' if due is None else due}\t{whose}"


class PostgresDoorbell:
    """The Doorbell port: a connection of its own that listens. Without one, work is noticed within half a second.

    Through a pooler nobody can listen.
    """

    def __init__(self, database: Database, prove_every: float = PROVE_EVERY) -> None:
        self._database = database
        self._prove_every = prove_every
        self._heard_at = 0.0
        self._asked_at: float | None = None
        self._ready = select.epoll()  # one descriptor to wait for, whatever becomes of the connection
        self._connection: psycopg.Connection[Any] | None = None
        self._told = False
        self.keep()

    def fileno(self) -> int:
        """Return a descriptor that is readable when a ring has come."""
        return self._ready.fileno()

    def keep(self) -> None:
        """Listen (again), if nobody does, or if it is in vain."""
        self._prove()
        if self._database.pooled or (self._connection is not None and not self._connection.closed):
            return
        connection = None
        try:
            connection = connect(self._database.url, self._database.deadline)
            connection.execute(f'LISTEN "{self._database.schema}"')
            connection.give_up_at = float("inf")
            self._ready.register(connection.fileno(), select.EPOLLIN)
        except (psycopg.Error, Late, OSError) as error:
            if connection is not None:
                connection.close()
            if not self._told:
                told = error if isinstance(error, OSError) else translated(error, self._database.location)
                _log.warning("nobody listens for rings (%s): new jobs are noticed within half a second", told)
                self._told = True
            return
        self._told = False
        self._connection, self._asked_at, self._heard_at = connection, None, monotonic()

    def _prove(self) -> None:
        """Ask for a word if there was none for long; if none comes by the deadline, the connection is of no use."""
        if self._connection is None:
            return
        now, line = monotonic(), self._connection.pgconn
        if self._asked_at is not None:
            if now - self._asked_at > self._database.deadline:
                self._drop()
        elif now - self._heard_at > self._prove_every:
            try:
                line.send_query(b"")
                line.flush()
            except psycopg.Error:
                self._drop()
            else:
                self._asked_at = now

    def rings(self) -> list[tuple[str, int, int | None]]:
        """Return all rings that have come, as (queue, jobs ready, instant a scheduled one is due)."""
        if self._connection is None:
            return []
        line = self._connection.pgconn  # below psycopg's own reading, which takes a tenth of a job's way to its start
        heard: list[tuple[str, int, int | None]] = []
        try:
            line.consume_input()
            while (note := line.notifies()) is not None:
                with contextlib.suppress(ValueError):
                    queue, ready, due, _whose = note.extra.decode().split("\t")
                    heard.append((queue, int(ready), int(due) if due else None))
            while self._asked_at is not None and not line.is_busy():
                if line.get_result() is None:
                    self._asked_at = None
            self._heard_at = monotonic()
        except psycopg.Error:
            self._drop()
        return heard

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Stop listening."""
        self._drop()
        self._ready.close()
