"""What an application declares besides its handlers: middleware, listeners, and what its workers do first and last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from forge_jobs.client import Client
from forge_jobs.handlers import Registry
from forge_jobs.hooks import H, Hooks
from forge_jobs.listeners import L, Listeners, event_handler
from forge_jobs.middleware import M
from forge_jobs.model.events import EVENT_KIND


class Declarations:
    """That part of ``ForgeJobs``."""

    def __init__(self, handlers: Registry, client: Client) -> None:
        self._handlers = handlers
        self._client = client
        self.hooks = Hooks()
        self.listeners = Listeners()

    def middleware(self, function: M) -> M:
        """Declare a function ``(ctx, call_next)`` that is called around every run; the first declared is outermost.

        It does its part, calls ``call_next()`` once and returns what that returned: the handler's value, or the
        outcome (``Done``, ``Dead``, ...) that it returned or raised. Any other exception of the handler comes out of
        ``call_next()``. What it raises itself is the end of the attempt, as if the handler had raised it. Where it
        returns None, the end of ``call_next()`` stands, value or exception. Raises HandlerError for a function that
        cannot be called so.
        """
        self.hooks.surround(function)
        return function

    @overload
    def on(self, event: str, listener: L, *, kind: str | None = None) -> L: ...

    @overload
    def on(self, event: str, *, kind: str | None = None) -> Callable[[L], L]: ...

    def on(self, event: str, listener: Any = None, *, kind: str | None = None) -> Any:
        """Have a function called with a ``JobEvent`` for each end of this sort.

        Events are ``done``, ``failed``, ``dead``, ``cancelled`` and ``crashed``, of all kinds that this application
        handles, or of one. The transaction that ends a job stores a job of the kind ``forge.event`` in the same
        queue, whose handler calls the function: so it is called at least once, in a worker, again where it raises,
        and nothing that it does hurts the job it is about. May be used as a decorator. Raises InvalidValue for an
        event that does not exist, HandlerError for what cannot be called so.
        """

        def declare(function: L) -> L:
            self.listeners.add(event, kind, function)
            if EVENT_KIND not in self._handlers:
                self._handlers.add(event_handler(self.listeners, self._client))
            return function

        return declare if listener is None else declare(listener)

    def worker_start(self, function: H) -> H:
        """Declare a function that each worker calls after its fork, before its first job.

        This is the place for what does not survive a fork: threads, connections, exporters. A worker in which it
        raises does not come up.
        """
        self.hooks.at_start(function)
        return function

    def worker_stop(self, function: H) -> H:
        """Declare a function that each worker calls when it leaves in order; the last declared is called first.

        Not in one that is killed or dies. After 15 seconds the worker is killed.
        """
        self.hooks.at_stop(function)
        return function
