"""Rows as records. A hand may have written what no program would: then what can be read is, and the rest is nothing.

One row of many must not keep the others from being read, and who is to put it right has to see it. What does not fit is
told by ``forge-jobs verify``; of which no claim can be made ends dead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar

import msgspec

from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Cause

T = TypeVar("T")
_NOTHING = (None, 0, "", b"", (), False)

UNREADABLE = ErrorEntry(at=0, attempt=0, cause=Cause.ERROR, message="(this line in the database is damaged)")


def record(of: type[T], /, **values: Any) -> T:
    """Return a record of these values; in place of one that is not of its field's type its default, or nothing.

    One with a field ``damage`` says there that this was so.
    """
    try:
        return msgspec.convert(values, of)
    except msgspec.ValidationError as error:
        fields = msgspec.structs.fields(of)  # type: ignore[arg-type]  # it is a Struct
        read = {f.name: _readable(f, values) for f in fields if f.name in values}
        damage = {f.name: f"its row in the database is damaged: {error}" for f in fields if f.name == "damage"}
        return msgspec.convert(read | damage, of)


def _readable(field: msgspec.structs.FieldInfo, values: Mapping[str, Any]) -> Any:
    value = values[field.name]
    if _is_of(field.type, value):
        return value
    if field.default is not msgspec.NODEFAULT:
        return field.default
    if isinstance(field.type, type) and issubclass(field.type, Enum):
        return list(field.type)[-1]
    return next(nothing for nothing in _NOTHING if _is_of(field.type, nothing))


def _is_of(kind: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def finite(number: Any) -> Any:
    """Return a number that can be counted with; in place of any other, nothing."""
    return number if isinstance(number, (int, float)) and math.isfinite(number) else None


def decoded(stored: Any, kind: type[T], otherwise: Callable[[], T]) -> T:
    """Return what stored JSON says; where it is none, or says something else, what stands ``otherwise``."""
    try:
        return msgspec.json.decode(stored, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
        return otherwise()


def error_of(stored: Any) -> ErrorEntry:
    """Return a line of a job's error history."""
    return decoded(stored, ErrorEntry, lambda: UNREADABLE)
