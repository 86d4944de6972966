"""One call of a handler → one verdict. Used by the worker and by ``forge_jobs.testing`` alike."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from forge_jobs import middleware
from forge_jobs.context import JobContext
from forge_jobs.errors import PayloadError
from forge_jobs.handlers import Handler
from forge_jobs.middleware import Middleware, surround
from forge_jobs.model.job import MAX_ERROR_CHARACTERS
from forge_jobs.model.outcome import Dead, Done, Failed, Outcome, RateLimited, Snoozed, Throttled, Verdict
from forge_jobs.model.states import Cause
from forge_jobs.model.stops import JobStopped, reason_of, stop_verdict
from forge_jobs.payload import encode_result
from forge_jobs.storage.claims import Claim

NOTHING = b"null"
_OURS = frozenset({__file__, middleware.__file__})


def run(
    handler: Handler[..., Any],
    payload: bytes,
    context: Callable[[], JobContext],
    struck: Callable[[], JobStopped | None] = lambda: None,
    around: Sequence[Middleware] = (),
) -> Verdict:
    """Call the handler, with the middleware ``around`` it; never raises.

    SystemExit is a failed attempt too: a handler that calls ``sys.exit`` ends its job, not the worker. ``struck``
    returns what was raised in the handler to stop it: an attempt that failed after that was stopped, whatever the
    handler made of it; one that succeeded succeeded.
    """
    try:
        arguments = handler.parameters.decode(payload)
    except PayloadError as error:
        return Verdict(cause=Cause.ERROR, message=storable(str(error)))
    takes_context = handler.parameters.takes_context
    made = context() if takes_context or around else None
    leading = (made,) if takes_context else ()
    try:
        if made is not None and around:
            value = call(surround, (around, made, lambda: handler.function(*leading, **arguments)), {})
        else:
            value = call(handler.function, leading, arguments)
    except Outcome as outcome:
        value = outcome
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its job's business
        if made is not None and made.completed is not None:
            made.logger.warning("after the job was committed as done, its handler raised %s", _message(error))
            return Verdict(result=made.completed)
        stop = struck()
        return _raised(error) if stop is None else _stopped(stop, error)
    if made is not None and made.completed is not None:
        return Verdict(result=made.completed)
    verdict = verdict_of(value, handler.kind)
    if verdict.cause is not None and (stop := struck()) is not None:
        return stop_verdict(reason_of(stop), f"{stop}; the handler ended so: {verdict.message}")
    return verdict


def ended_for_good(verdict: Verdict, claim: Claim, handler: Handler[..., Any]) -> Verdict:
    """Return the verdict; for a job that was throttled as often as its handler lets it, that it is dead."""
    if not verdict.throttled or claim.throttles + 1 < handler.max_throttles:
        return verdict
    told = f"it was throttled {claim.throttles + 1} times, as often as its handler allows (max_throttles)"
    return Verdict(cause=Cause.THROTTLED, message=told, final=True)


def call(function: Callable[..., Any], leading: tuple[Any, ...], arguments: dict[str, Any]) -> Any:
    """Call a handler's function: everything that this frame has called is the handler's code, and may be stopped."""
    return function(*leading, **arguments)


def verdict_of(value: Any, kind: str) -> Verdict:
    """Return what a handler's return value, or an outcome it raised, means."""
    match value:
        case None:
            return Verdict(result=NOTHING)
        case Failed(message=message):
            return Verdict(cause=Cause.ERROR, message=storable(message))
        case Dead(message=message):
            return Verdict(cause=Cause.ERROR, message=storable(message), final=True)
        case Throttled(retry_after=seconds):
            return Verdict(wait_seconds=seconds, throttled=True)
        case RateLimited(retry_after=seconds):
            return Verdict(wait_seconds=seconds)
        case Snoozed(until=until, delay=delay):
            return Verdict(wait_until=until, wait_seconds=delay, lets_go=True)
        case Done(value=inner):
            value = inner
    try:
        return Verdict(result=encode_result(value, kind))
    except PayloadError as error:
        return Verdict(cause=Cause.ERROR, message=storable(str(error)))


def _raised(error: BaseException) -> Verdict:
    return Verdict(cause=Cause.ERROR, message=_message(error), traceback=_trace(error))


def _stopped(stop: JobStopped, error: BaseException) -> Verdict:
    told = str(stop) if error is stop else f"{stop}; the handler then raised {_message(error)}"
    return stop_verdict(reason_of(stop), storable(told), traceback=_trace(error))


def _message(error: BaseException) -> str:
    try:
        told = str(error)
    except BaseException:  # noqa: BLE001 - an exception whose text cannot be had still has a type
        told = "(its message cannot be shown)"
    name = type(error).__qualname__
    return storable(f"{name}: {told}" if told else name)


def _trace(error: BaseException) -> str:
    return storable("".join(traceback.format_exception(type(error), error, _handler_frames(error))), keep_end=True)


def _handler_frames(error: BaseException) -> TracebackType | None:
    """Return the traceback without the frames of this file, and of what stands between handler and middleware."""
    kept = []
    frames = error.__traceback__
    while frames is not None:
        if frames.tb_frame.f_code.co_filename not in _OURS:
            kept.append(frames)
        frames = frames.tb_next
    for place in reversed(kept):
        frames = TracebackType(frames, place.tb_frame, place.tb_lasti, place.tb_lineno)
    return frames


def storable(text: str, *, keep_end: bool = False) -> str:
    """Return ``text`` so that every database takes it: no NUL, no lone surrogates, at most 8,000 characters."""
    safe = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    if len(safe) <= MAX_ERROR_CHARACTERS:
        return safe
    return f"… {safe[-MAX_ERROR_CHARACTERS:]}" if keep_end else f"{safe[:MAX_ERROR_CHARACTERS]} …"
