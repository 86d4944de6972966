"""What is given to be enqueued, checked against its handlers where those are known here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any

from forge_jobs.errors import InvalidValue
from forge_jobs.handlers import Handler, Registry
from forge_jobs.model.names import checked_kind
from forge_jobs.options import EnqueueOptions
from forge_jobs.payload import encode_arguments
from forge_jobs.showing import quoted

Checked = tuple[str, bytes, EnqueueOptions]
"""A job's kind, its payload as JSON, and what else is said about it: with the defaults of its handler."""

Encode = Callable[[Any], bytes]
"""Checks a payload and gives it as JSON."""

_OF_HANDLER = ("queue", "priority", "max_attempts")
_PLAIN = frozenset({str, int, float, bool, NoneType})
_NOTHING: Mapping[str, Any] = {}


class Intake:
    """Checks what callers give by kind and payload; raises PayloadError and InvalidValue."""

    def __init__(self, handlers: Registry) -> None:
        self._handlers = handlers

    def one(self, kind: str, payload: Any, options: Mapping[str, Any]) -> Checked:
        """Check one job."""
        kind = checked_kind(kind)
        return kind, self.encoded(kind, {} if payload is None else payload), self._chosen(kind, options)

    def many(self, jobs: Iterable[tuple[Any, ...]]) -> list[Checked]:
        """Check (kind,), (kind, payload) or (kind, payload, options) of each; what says the same is shared by all."""
        checked = []
        encoders: dict[str, Encode] = {}
        chosen: dict[object, EnqueueOptions] = {}
        for position, job in enumerate(jobs):
            if not isinstance(job, tuple) or not 1 <= len(job) <= 3 or not isinstance(job[-1], (str, dict, NoneType)):
                raise InvalidValue(
                    f"job {position} of the bulk is {quoted(job)}: write (kind, payload) or (kind, payload, options)"
                )
            kind = checked_kind(job[0])
            payload = job[1] if len(job) > 1 else None
            options = (job[2] if len(job) > 2 else None) or _NOTHING
            if kind not in encoders:
                encoders[kind] = self._encoder(kind)
            same = _same(kind, options)
            known = chosen.get(same)
            if known is None:
                known = self._chosen(kind, options)
                if same is not None:
                    chosen[same] = known
            checked.append((kind, encoders[kind]({} if payload is None else payload), known))
        return checked

    def encoded(self, kind: str, payload: Any) -> bytes:
        """Return a payload as JSON, checked against the handler where that is known."""
        return self._encoder(kind)(payload)

    def _encoder(self, kind: str) -> Encode:
        handler = self._handlers.get(kind)

        def encode(payload: Any) -> bytes:
            if handler is None or not isinstance(payload, dict):
                return encode_arguments(kind, payload)
            return handler.parameters.encode(payload)

        return encode

    def _chosen(self, kind: str, options: Mapping[str, Any]) -> EnqueueOptions:
        given = dict(options)
        handler: Handler[..., Any] | None = self._handlers.get(kind)
        if handler is not None:
            for name in _OF_HANDLER:
                if given.get(name) is None:
                    given[name] = getattr(handler, name)
        try:
            return EnqueueOptions(**given)
        except TypeError:
            unknown = [name for name in given if name not in EnqueueOptions.__struct_fields__]
            raise InvalidValue(
                f"unknown option {quoted(unknown[0])}; options are {', '.join(EnqueueOptions.__struct_fields__)}"
            ) from None


def _same(kind: str, options: Mapping[str, Any]) -> object:
    """Return what is equal where kind and options say the same, None where that is not known.

    Types count: 1 and True are equal, and one of them is no priority. A time that comes twice when clocks are set back
    equals its other self.
    """
    if not options:
        return kind
    types = [*map(type, options.values())]
    return (kind, *options.items(), *types) if _PLAIN.issuperset(types) else None
