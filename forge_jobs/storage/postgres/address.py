"""What a database URL says: where the server is, and what is ours to read in it."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import conninfo

from forge_jobs.config import stale_after, without_password
from forge_jobs.errors import ConfigError
from forge_jobs.storage.postgres.liveness import SHORTEST_STALE, STALE_AFTER

SCHEMA = "forge_jobs"
_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class Address(NamedTuple):
    """A URL as libpq takes it, the schema, and after how many seconds without a beat a host is dead."""

    url: str
    schema: str
    stale_after: float


def address_of(url: str) -> Address:
    """Return what a URL says; raise ConfigError. ``schema`` and ``stale_after`` in its query are ours."""
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        ours = {name: value for name, value in query if name in ("schema", "stale_after")}
        theirs = urlencode([(name, value) for name, value in query if name not in ours])
        address = urlunsplit(parts._replace(query=theirs))
        name = str(conninfo.conninfo_to_dict(address).get("dbname"))
    except (ValueError, psycopg.Error):  # what they say of it may show its password
        name = "@"
    if "@" in name:  # a piece of a password that is not escaped is taken for the database's name
        raise ConfigError(
            f"database URL {without_password(url)!r} is not valid: write postgresql://user:password@host/database, "
            "and in a password %40 for '@', %2F for '/', %23 for '#', %25 for '%'"
        )
    schema = ours.get("schema", SCHEMA)
    if not _SCHEMA_NAME.fullmatch(schema):
        raise ConfigError(f"schema {schema!r} is not valid: use small letters, digits and '_', not a digit first")
    return Address(address, schema, _seconds(ours.get("stale_after") or stale_after()))


def _seconds(told: str | None) -> float:
    if told is None:
        return STALE_AFTER
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_STALE <= seconds <= 86_400:
        raise ConfigError(f"stale_after {told!r} is not valid: use seconds, from {SHORTEST_STALE:g} to 86400")
    return seconds
