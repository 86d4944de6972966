"""The table to which jobs of kind ``transact`` write, and a connection to look at it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import apsw
import psycopg

from tests.faults.soak import schema_of
from tests.support.farm import Farm


def effects_table(farm: Farm) -> str:
    """Return its name in statements."""
    return "effect" if farm.url.startswith("sqlite:") else f"{schema_of(farm)}.effect"


@contextlib.contextmanager
def connected(farm: Farm) -> Iterator[Any]:
    """Give a function that runs one statement on a connection of one's own and returns its rows."""
    if farm.url.startswith("sqlite:"):
        connection = apsw.Connection(str(farm.directory / "queue.sqlite"))
        connection.set_busy_timeout(30_000)
        with contextlib.closing(connection):
            yield lambda statement: connection.execute(statement).fetchall()
        return
    with psycopg.connect(_plain(farm.url), autocommit=True) as server:

        def execute(statement: str) -> list[tuple[Any, ...]]:
            cursor = server.execute(statement)
            return cursor.fetchall() if cursor.description else []

        yield execute


def _plain(url: str) -> str:
    """Return a URL without what is forge-jobs' own."""
    place, _, query = url.partition("?")
    ours = ("schema=", "stale_after=")
    return f"{place}?{'&'.join(part for part in query.split('&') if not part.startswith(ours))}"
