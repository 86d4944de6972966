"""How values travel: instants as whole microseconds, JSON as bytes, ids as text."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format
from psycopg.types.array import ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper

_EPOCH_2000 = 946_684_800_000_000
"""Microseconds from 1970 to 2000: PostgreSQL counts from there in its binary format of timestamptz."""

_INT8 = struct.Struct("!q")


@dataclass(frozen=True, slots=True)
class Instant:
    """Microseconds since 1970, to be stored as timestamptz."""

    microseconds: int


def instant(value: int | None) -> Instant | None:
    """Return an instant for a parameter."""
    return None if value is None else Instant(value)


class _InstantDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["timestamptz"].oid

    def dump(self, obj: Any) -> Buffer:
        return _INT8.pack(obj.microseconds - _EPOCH_2000)


class _InstantLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        return int(_INT8.unpack(data)[0]) + _EPOCH_2000


class _JsonLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class _UuidLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        h = bytes(data).hex()
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def register(context: psycopg.Connection[Any] | psycopg.Cursor[Any]) -> None:
    """Teach a connection or a cursor these ways. Every int travels as bigint, so that a statement is prepared once."""
    adapters = context.adapters
    adapters.register_dumper(int, Int8BinaryDumper)
    adapters.register_dumper(list, ListBinaryDumper)
    adapters.register_dumper(Instant, _InstantDumper)
    adapters.register_loader("timestamptz", _InstantLoader)
    adapters.register_loader("json", _JsonLoader)
    adapters.register_loader("uuid", _UuidLoader)
