"""A connection of the caller's own: used inside the caller's transaction, left as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import RawCursor
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from forge_jobs.errors import InvalidValue
from forge_jobs.storage.postgres.adapting import register

_LAYERS = 3


class Borrowed:
    """Runs our statements on a connection whose cursors, adapters and settings are its owner's."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def cursor(self) -> psycopg.Cursor[Any]:
        """Return a cursor that takes and gives what our statements take and give."""
        cursor = RawCursor(self._connection, row_factory=tuple_row)
        register(cursor)
        return cursor

    def execute(self, text: str, values: Sequence[Any] = (), *, binary: bool = False) -> psycopg.Cursor[Any]:
        """Execute a statement."""
        return self.cursor().execute(text, values, binary=binary)


def borrowed(connection: object) -> Borrowed:
    """Return a caller's connection for our use; raise InvalidValue where it is none, or in no transaction.

    SQLAlchemy and Django wrap psycopg's connection: ``driver_connection``, or ``connection``, is the one within.
    """
    inner = connection
    for _ in range(_LAYERS):
        if isinstance(inner, psycopg.Connection):
            break
        within = getattr(inner, "driver_connection", None) or getattr(inner, "connection", None)
        inner = within() if callable(within) else within
    if not isinstance(inner, psycopg.Connection):
        kind = f"{type(connection).__module__}.{type(connection).__qualname__}"
        raise InvalidValue(
            f"connection is a {kind}: give an open psycopg.Connection, or SQLAlchemy's or Django's that has one within"
        )
    if inner.pgconn.pipeline_status != PipelineStatus.OFF:
        raise InvalidValue("connection is in pipeline mode, in which nothing is answered: leave it to enqueue")
    if inner.autocommit and inner.info.transaction_status == TransactionStatus.IDLE:
        raise InvalidValue(
            "connection commits each statement by itself and no transaction is open: "
            "begin one (`with connection.transaction():`), or leave connection out"
        )
    return Borrowed(inner)
