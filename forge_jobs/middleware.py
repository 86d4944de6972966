"""Middleware: functions of the application around every run of a handler."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from forge_jobs.context import JobContext
from forge_jobs.errors import HandlerError
from forge_jobs.model.outcome import Outcome

Middleware = Callable[[JobContext, Callable[[], Any]], Any]
"""Is given the job and the rest of the run; returns what the rest returned, or something else instead."""

M = TypeVar("M", bound=Middleware)
_WAYS_OUT = "return Done(...), Dead(...), Snoozed(...) or another outcome to end the attempt without it"


def checked_middleware(function: M) -> M:
    """Return a function if it can be called as a middleware is; raise HandlerError."""
    name = _name(function)
    if not callable(function):
        raise HandlerError(f"middleware {name} is not a function: write def {name}(ctx, call_next)")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise HandlerError(
            f"middleware {name} is async or a generator: it is a plain function that returns call_next()"
        )
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        raise HandlerError(
            f"middleware {name} cannot be called with (ctx, call_next): these are what it is given"
        ) from None
    return function


def surround(around: Sequence[Middleware], ctx: JobContext, handler: Callable[[], Any]) -> Any:
    """Call the middleware, the first outermost, around the handler; return or raise what is left at the end.

    All of it is the application's code: it may be stopped like the handler, and what it raises is the attempt's end.
    """
    rest = handler
    for middleware in reversed(around):
        rest = functools.partial(_pass_through, middleware, ctx, rest)
    return rest()


def _pass_through(middleware: Middleware, ctx: JobContext, rest: Callable[[], Any]) -> Any:
    call_next = _Rest(rest)
    try:
        value = middleware(ctx, call_next)
        if value is None:
            return call_next.left(middleware)
        if not call_next.called and not isinstance(value, Outcome):
            raise HandlerError(f"middleware {_name(middleware)} returned a value of its own and the handler did not "
                               f"run: {_WAYS_OUT}")  # fmt: skip
        return value
    finally:
        call_next.error = None  # whose traceback holds the frames that hold it


class _Rest:
    """What a middleware calls as ``call_next``: the rest of the run, once. An outcome that was raised is returned."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self.called = False
        self.value: Any = None
        self.error: BaseException | None = HandlerError("call_next() was broken off before the handler had ended")

    def __call__(self) -> Any:
        if self.called:
            raise HandlerError("call_next() was called a second time: an attempt runs its handler once; return "
                               "Failed(...) to have the job tried again")  # fmt: skip
        self.called = True
        try:
            self.value = self._function()
        except Outcome as outcome:
            self.value = outcome
        except BaseException as error:
            self.error = error
            raise
        self.error = None
        return self.value

    def left(self, middleware: Middleware) -> Any:
        """Return or raise how the rest of the run ended, where the middleware has returned nothing."""
        if not self.called:
            raise HandlerError(f"middleware {_name(middleware)} returned without calling call_next(), and the handler "
                               f"did not run: {_WAYS_OUT}")  # fmt: skip
        if self.error is not None:
            raise self.error
        return self.value


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", None) or repr(function))
