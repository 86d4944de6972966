"""What an application has asked to be called besides its handlers: around every run, and in every worker."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from forge_jobs.errors import HandlerError, UsageError
from forge_jobs.middleware import Middleware, checked_middleware
from forge_jobs.showing import quoted

_log = logging.getLogger(__name__)
Hook = Callable[[], Any]
H = TypeVar("H", bound=Hook)


class Hooks:
    """Middleware, outermost first, and the functions for a worker's first and last moment."""

    def __init__(self) -> None:
        self.middleware: tuple[Middleware, ...] = ()
        self._start: list[Hook] = []
        self._stop: list[Hook] = []

    def surround(self, middleware: Middleware, *, outermost: bool = False) -> None:
        """Add a middleware inside of all others, or outside; raise HandlerError for what cannot be one."""
        added = checked_middleware(middleware)
        self.middleware = (added, *self.middleware) if outermost else (*self.middleware, added)

    def at_start(self, hook: Hook) -> None:
        """Have a function called in each new worker, before its first job."""
        self._start.append(checked_hook(hook, "worker_start"))

    def at_stop(self, hook: Hook) -> None:
        """Have a function called in each worker that leaves in order, after its last job was recorded."""
        self._stop.append(checked_hook(hook, "worker_stop"))

    def start(self) -> None:
        """Call the functions for the start, in order; raise UsageError where one fails."""
        for hook in self._start:
            try:
                hook()
            except (Exception, SystemExit) as error:
                raise UsageError(
                    f"the worker_start function {_name(hook)} failed: {type(error).__name__}: {error}"
                ) from error

    def stop(self) -> None:
        """Call the functions for the end, the last first; one that fails is logged and the others are called."""
        for hook in reversed(self._stop):
            try:
                hook()
            except (Exception, SystemExit):  # noqa: BLE001 - the application's code; the other functions are called
                _log.exception("the worker_stop function %s failed", _name(hook), extra={"event": "worker.stop_failed"})


def checked_hook(hook: H, what: str) -> H:
    """Return a function if it can be called without arguments; raise HandlerError."""
    if not callable(hook) or inspect.iscoroutinefunction(hook):
        raise HandlerError(f"{what} takes a plain function without parameters, not {quoted(hook)}")
    try:
        inspect.signature(hook).bind()
    except TypeError:
        raise HandlerError(f"{what} function {_name(hook)} cannot be called without arguments") from None
    return hook


def _name(hook: Hook) -> str:
    return str(getattr(hook, "__qualname__", None) or repr(hook))
