"""Arguments and results as JSON, and back, by a handler's own annotations.

Allowed are the plain types, dataclasses, msgspec Structs, datetime, UUID, Decimal, Enum, bytes and Path. Never
pickle: what is stored can be read by any program, and reading it runs no code.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path, PurePath
from typing import Any, Union, get_type_hints

import msgspec

from forge_jobs.errors import HandlerError, PayloadError
from forge_jobs.model.job import MAX_PAYLOAD_BYTES, MAX_RESULT_BYTES
from forge_jobs.showing import quoted

CONTEXT_PARAMETER = "ctx"


class Parameters:
    """What a handler takes, apart from its context: checks and encodes arguments, decodes payloads.

    Raises HandlerError where a signature cannot be called by name.
    """

    def __init__(self, function: Callable[..., Any], kind: str) -> None:
        self.kind = kind
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            raise HandlerError(f"handler {kind!r}: {quoted(function)} does not say which arguments it takes") from None
        hints = _hints(function, kind)
        names = list(signature.parameters)
        self.takes_context = bool(names) and names[0] == CONTEXT_PARAMETER
        self._open = False
        self._required: dict[str, None] = {}  # in their order
        declared: list[tuple[Any, ...]] = []
        for name, parameter in list(signature.parameters.items())[int(self.takes_context) :]:
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
                raise HandlerError(
                    f"handler {quoted(kind)}: parameter {quoted(name)} cannot be given by name; drop the '/' or '*'"
                )
            if parameter.kind is parameter.VAR_KEYWORD:
                self._open = True
            elif parameter.default is parameter.empty:
                self._required[name] = None
                declared.append((name, hints.get(name, Any)))
            else:
                declared.append((name, Union[hints.get(name, Any), msgspec.UnsetType], msgspec.UNSET))  # noqa: UP007
        self._names = {field[0] for field in declared}
        try:
            struct = msgspec.defstruct(
                f"{kind} arguments", declared, kw_only=True, forbid_unknown_fields=not self._open
            )
            self._decoder = msgspec.json.Decoder(struct, dec_hook=_from_plain)
        except TypeError as error:
            raise HandlerError(f"handler {quoted(kind)}: its annotations cannot be read from JSON: {error}") from error

    def check_takes(self, name: str, what: str) -> None:
        """Raise HandlerError unless an argument of this name can be given."""
        if name not in self._names and not self._open:
            takes = ", ".join(sorted(self._names)) or "no arguments"
            raise HandlerError(
                f"handler {quoted(self.kind)}: {what} {quoted(name)} is none of its arguments; it takes {takes}"
            )

    def encode(self, arguments: Mapping[str, Any]) -> bytes:
        """Return arguments as a payload; raise PayloadError naming the argument that does not fit."""
        if not self._required.keys() <= arguments.keys() <= self._names:
            self._check_names(arguments)
        payload = encode_payload(arguments, self.kind)
        self._read(payload)
        return payload

    def check(self, payload: bytes) -> None:
        """Raise PayloadError if a payload would not fit the handler."""
        self._read(payload)

    def _read(self, payload: bytes) -> Any:
        try:
            return self._decoder.decode(payload)
        except Exception as error:  # noqa: BLE001 - not UTF-8, nested too deep, whatever a type's __post_init__ raises
            raise PayloadError(f"{self.kind}: the payload does not fit the handler: {_located(error)}") from None

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Return a payload as keyword arguments of the annotated types; raise PayloadError."""
        found = self._read(payload)
        arguments = {name: value for name in self._names if (value := getattr(found, name)) is not msgspec.UNSET}
        if self._open:
            everything = decode_json(payload)
            arguments |= {name: value for name, value in everything.items() if name not in self._names}
        return arguments

    def _check_names(self, arguments: Mapping[str, Any]) -> None:
        unknown = [] if self._open else [name for name in arguments if name not in self._names]
        if unknown:
            takes = ", ".join(sorted(self._names)) or "no arguments"
            raise PayloadError(f"{self.kind}: unknown argument {quoted(unknown[0])}; it takes {takes}")
        missing = [name for name in self._required if name not in arguments]
        if missing:
            raise PayloadError(f"{self.kind}: argument {quoted(missing[0])} is missing")


def encode_payload(payload: Any, kind: str) -> bytes:
    """Return a payload as JSON; raise PayloadError where that cannot be, or where it is over 1 MiB."""
    return _encode(payload, kind, "payload", MAX_PAYLOAD_BYTES, "store the data elsewhere and pass its name")


def encode_arguments(kind: str, payload: Any) -> bytes:
    """Return a payload, which must be a dict of arguments, as JSON; raise PayloadError."""
    if not isinstance(payload, dict):
        raise PayloadError(f"{kind}: the payload is {type(payload).__name__}, it must be a dict of arguments")
    return encode_payload(payload, kind)


def encode_result(result: Any, kind: str) -> bytes:
    """Return a handler's result as JSON; raise PayloadError where that cannot be, or where it is over 1 MiB."""
    return _encode(result, kind, "result", MAX_RESULT_BYTES, "store it elsewhere and return its name")


def decode_json(text: bytes) -> Any:
    """Return stored JSON as plain values; raise PayloadError where it is none, as a hand may have written it."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadError(f"what is stored is no JSON that can be read: {error}") from None


def _encode(value: Any, kind: str, name: str, limit: int, way_out: str) -> bytes:
    try:
        encoded = _encoder.encode(value)
        odd = b"null" in encoded and _has_odd_float(value)  # JSON has no NaN: it would come back as null
        if _may_hold_raw(value):
            _prove(encoded, whole=type(value) is msgspec.Raw)
    except Exception as error:  # noqa: BLE001 - whatever the objects in it do when they are looked at
        raise PayloadError(f"{kind}: the {name} cannot be stored as JSON: {error}") from None
    if odd:
        raise PayloadError(
            f"{kind}: the {name} holds a number that is not finite (NaN or infinity), which JSON cannot store"
        )
    if len(encoded) > limit:
        raise PayloadError(f"{kind}: the {name} is {len(encoded):,} bytes of JSON, the limit is {limit:,}: {way_out}")
    return encoded


def _may_hold_raw(value: Any) -> bool:
    """Whether a msgspec.Raw, which is taken for JSON as it is, may be in a value; no where a glance shows that."""
    sort = type(value)
    if sort is dict:
        return not _PLAIN.issuperset(map(type, value.values()))
    if sort is list or sort is tuple:
        return not _PLAIN.issuperset(map(type, value))
    return sort not in _PLAIN


def _prove(encoded: bytes, *, whole: bool) -> None:
    """Raise whatever there is to raise unless this is JSON; ``whole``: and all of it can be read."""
    if whole:
        msgspec.json.decode(encoded)
    else:
        _skimmer.decode(encoded)  # a quarter of the time: it makes nothing of what it reads
        if not encoded.isascii():
            encoded.decode()


def _has_odd_float(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Enum):
        return _has_odd_float(value.value)
    if isinstance(value, Mapping):
        return any(map(_has_odd_float, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(_has_odd_float, value))
    if isinstance(value, msgspec.Struct) or hasattr(value, "__dataclass_fields__"):
        names = getattr(value, "__struct_fields__", None) or value.__dataclass_fields__
        return any(_has_odd_float(getattr(value, name)) for name in names)
    return False


def _to_plain(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(
        f"{type(value).__name__} is not a type that JSON can hold; pass plain values, dataclasses, dates or paths"
    )


_PLAIN = frozenset({type(None), bool, int, float, str})
_encoder = msgspec.json.Encoder(enc_hook=_to_plain)
_skimmer = msgspec.json.Decoder(msgspec.Raw)


def _from_plain(wanted: type, value: Any) -> Any:
    if isinstance(wanted, type) and issubclass(wanted, PurePath):
        if not isinstance(value, str):
            raise TypeError(f"Expected `{wanted.__name__}`, got `{type(value).__name__}`")
        return Path(value) if wanted is Path else wanted(value)
    if wanted is object:
        return value
    raise TypeError(f"{wanted.__name__} is not a type that JSON can hold")


def _hints(function: Callable[..., Any], kind: str) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise HandlerError(f"handler {quoted(kind)}: an annotation cannot be resolved: {error}") from error


def _located(error: Exception) -> str:
    told = str(error) if isinstance(error, msgspec.MsgspecError) else f"{type(error).__name__}: {error}"
    return told.replace("`$.", "`").replace("`$`", "the payload")
