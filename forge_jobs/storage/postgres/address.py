"""What a database URL says: where the server is, and what is ours to read in it."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

import psycopg
from psycopg import conninfo

from forge_jobs.config import stale_after, without_password
from forge_jobs.errors import ConfigError
from forge_jobs.showing import quoted
from forge_jobs.storage.postgres.liveness import SHORTEST_STALE, STALE_AFTER

SCHEMA = "forge_jobs"
_OURS = ("schema", "stale_after", "pooled")
_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class Address(NamedTuple):
    """A URL as libpq takes it, and what is ours in it.

    After ``stale_after`` seconds without a beat a host is dead. ``pooled``: there is a pooler in between, which gives
    each transaction another of the server's sessions.
    """

    url: str
    schema: str
    stale_after: float
    pooled: bool


def address_of(url: str) -> Address:
    """Return what a URL says; raise ConfigError. ``schema``, ``stale_after`` and ``pooled`` are ours."""
    try:
        base, _mark, options = url.partition("?")
        query = parse_qsl(options, keep_blank_values=True)
        ours = {name: value for name, value in query if name in _OURS}
        theirs = urlencode([(name, value) for name, value in query if name not in _OURS])
        address = f"{base}?{theirs}" if theirs else base
        name = str(conninfo.conninfo_to_dict(address).get("dbname"))
    except (ValueError, psycopg.Error):  # what they say of it may show its password
        name = "@"
    if "@" in name:  # a piece of a password that is not escaped is taken for the database's name
        raise ConfigError(
            f"database URL {quoted(without_password(url))} is not valid: "
            "write postgresql://user:password@host/database, "
            "and in a password %40 for '@', %2F for '/', %23 for '#', %25 for '%'"
        )
    schema = ours.get("schema", SCHEMA)
    if not _SCHEMA_NAME.fullmatch(schema):
        raise ConfigError(f"schema {quoted(schema)} is not valid: use small letters, digits and '_', not a digit first")
    pooled = ours.get("pooled", "no")
    if pooled not in ("yes", "no"):
        raise ConfigError(f"pooled {quoted(pooled)} is not valid: use yes or no")
    return Address(address, schema, _seconds(ours.get("stale_after") or stale_after()), pooled == "yes")


def _seconds(told: str | None) -> float:
    if told is None:
        return STALE_AFTER
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_STALE <= seconds <= 86_400:
        raise ConfigError(f"stale_after {quoted(told)} is not valid: use seconds, from {SHORTEST_STALE:g} to 86400")
    return seconds
