"""Texts that are not UTF-8. SQLite stores them, if a hand gives it some, and reading a row that has one would fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw
import apsw.ext

if TYPE_CHECKING:
    from forge_jobs.storage.sqlite.borrowed import Borrowed


def is_utf8(*given: Any) -> bool:
    """Return whether a text, given as it lies there, can be read."""
    try:
        bytes(given[0] or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def fetched(connection: apsw.Connection | Borrowed, query: str, values: tuple[Any, ...]) -> list[Any] | None:
    """Return the rows of a query, such texts with their odd bytes written out; None where it changes something."""
    plain = connection if isinstance(connection, apsw.Connection) else connection.connection
    about = apsw.ext.query_info(plain, query)
    if not about.is_readonly:
        return None
    names = [f"c{number}" for number in range(len(about.description))]
    columns = (f"CASE typeof({c}) WHEN 'text' THEN CAST({c} AS BLOB) ELSE {c} END, typeof({c}) = 'text'" for c in names)
    whole = f"WITH found ({', '.join(names)}) AS ({query}\n) SELECT {', '.join(columns)} FROM found"  # noqa: S608 - ours
    rows = connection.execute(whole, values)
    return [
        tuple(_text(value) if is_text else value for value, is_text in zip(row[::2], row[1::2], strict=True))
        for row in rows
    ]


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "backslashreplace")
