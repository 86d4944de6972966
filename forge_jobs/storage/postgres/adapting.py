"""How values travel: instants as whole microseconds, JSON as bytes, ids as text, a column as one array."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format
from psycopg.types.array import ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper

_EPOCH_2000 = 946_684_800_000_000
"""Microseconds from 1970 to 2000: PostgreSQL counts from there in its binary format of timestamptz."""

_FIRST, _END = -211_813_488_000_000_000, 9_223_371_331_200_000_000
"""The server's calendar: from the year 4714 before to the end of the year 294276."""

_NEVER = (-(2**63), 2**63 - 1)
_INT8 = struct.Struct("!q")
_LENGTH = struct.Struct("!i")
_NULL = _LENGTH.pack(-1)
_ARRAY = struct.Struct("!iiIii")  # dimensions, may there be NULLs, element type, length, first index


@dataclass(frozen=True, slots=True)
class Instant:
    """Microseconds since 1970, to be stored as timestamptz."""

    microseconds: int


def _counted(microseconds: int) -> int:
    """Return an instant as the server counts; what is beyond its calendar lies infinitely far away."""
    there = microseconds - _EPOCH_2000
    return there if _FIRST <= there < _END else _NEVER[there > 0]


def instant(value: int | None) -> Instant | None:
    """Return an instant for a parameter."""
    return None if value is None else Instant(value)


@dataclass(frozen=True, slots=True)
class Many:
    """Values of one column, to be one parameter: a list of Python's is written element by element, which is slow."""

    values: Sequence[Any]


class Numbers(Many):
    """Whole numbers; None for NULL."""


class Instants(Many):
    """Microseconds since 1970, to be stored as timestamptz; None for NULL."""


class JsonTexts(Many):
    """JSON as bytes; None for NULL."""


class Ids(Many):
    """Ids of jobs, as text."""


class _InstantDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["timestamptz"].oid

    def dump(self, obj: Any) -> Buffer:
        return _INT8.pack(_counted(obj.microseconds))


class _NumbersDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["int8"].array_oid

    def dump(self, obj: Any) -> Buffer:
        return _numbers("int8", obj.values)


class _InstantsDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["timestamptz"].array_oid

    def dump(self, obj: Any) -> Buffer:
        values = [None if value is None else _counted(value) for value in obj.values]
        return _numbers("timestamptz", values)


class _JsonTextsDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["json"].array_oid

    def dump(self, obj: Any) -> Buffer:
        return _array("json", obj.values)


class _IdsDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["uuid"].array_oid

    def dump(self, obj: Any) -> Buffer:
        ids = bytes.fromhex("".join(obj.values).replace("-", ""))
        return _array("uuid", [ids[at : at + 16] for at in range(0, len(ids), 16)])


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


def _numbers(element: str, values: Sequence[int | None]) -> bytes:
    """Return an array of eight-byte numbers."""
    if None in values:
        return _array(element, [None if value is None else _INT8.pack(value) for value in values])
    flat = [8] * (2 * len(values))
    flat[1::2] = values  # type: ignore[assignment]  # none of them is None
    return _head(element, len(values)) + struct.pack("!" + "iq" * len(values), *flat)


def _array(element: str, items: Sequence[bytes | None]) -> bytes:
    """Return an array of one dimension in PostgreSQL's binary format."""
    parts = [_head(element, len(items))]
    for item in items:
        parts += (_NULL,) if item is None else (_LENGTH.pack(len(item)), item)
    return b"".join(parts)


def _head(element: str, length: int) -> bytes:
    return _ARRAY.pack(1, 1, psycopg.adapters.types[element].oid, length, 1)


def register(context: psycopg.Connection[Any] | psycopg.Cursor[Any]) -> None:
    """Teach a connection or a cursor these ways. Every int travels as bigint, so that a statement is prepared once."""
    adapters = context.adapters
    adapters.register_dumper(int, Int8BinaryDumper)
    adapters.register_dumper(list, ListBinaryDumper)
    adapters.register_dumper(Instant, _InstantDumper)
    adapters.register_dumper(Numbers, _NumbersDumper)
    adapters.register_dumper(Instants, _InstantsDumper)
    adapters.register_dumper(JsonTexts, _JsonTextsDumper)
    adapters.register_dumper(Ids, _IdsDumper)
    adapters.register_loader("timestamptz", _InstantLoader)
    adapters.register_loader("json", _JsonLoader)
    adapters.register_loader("uuid", _UuidLoader)
