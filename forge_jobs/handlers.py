"""Handlers: what runs for each kind of job, and what a handler is given."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, ParamSpec, TypeVar

import msgspec

from forge_jobs.client import Client, Job
from forge_jobs.errors import HandlerError, InvalidValue
from forge_jobs.model.events import EVENT_KIND
from forge_jobs.model.limits import KindRules, checked_cost, checked_running, checked_scopes
from forge_jobs.model.names import (
    RESERVED,
    checked_attempts,
    checked_delay,
    checked_kind,
    checked_limit,
    checked_priority,
    checked_queue,
    checked_size,
)
from forge_jobs.options import EnqueueOptions
from forge_jobs.payload import Parameters
from forge_jobs.showing import quoted

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_MAX_THROTTLES = 100
"""How often a job may be throttled before it ends dead, so that none goes round for ever."""

DEFAULT_GRACE = 5.0
"""Seconds a handler may take to stop, once it was asked to, before its worker is killed."""


class LimitOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What ``@jobs.handler`` says of limits, as it was given."""

    max_running: int | None = None
    max_running_per_key: int | None = None
    concurrency_key: str | None = None
    rate_limit: str | Sequence[str] | None = None
    rate_cost: float = 1
    max_throttles: int = DEFAULT_MAX_THROTTLES

    def rules(self, kind: str) -> KindRules:
        """Return the rules of a kind, every value checked; raise InvalidValue."""
        if self.concurrency_key is not None and self.max_running_per_key is None:
            raise InvalidValue(
                f"handler {quoted(kind)} has a concurrency_key and no limit for it: say max_running_per_key too"
            )
        return KindRules(
            kind=kind,
            max_running=checked_running(self.max_running, "max_running"),
            max_running_per_key=checked_running(self.max_running_per_key, "max_running_per_key"),
            concurrency_key=self.concurrency_key,
            rate_limits=() if self.rate_limit is None else checked_scopes(self.rate_limit),
            rate_cost=checked_cost(self.rate_cost),
        )


class Handler(Generic[P, R]):
    """A function that runs jobs of one kind. Calling it still calls the function."""

    def __init__(
        self,
        function: Callable[P, R],
        client: Client,
        *,
        kind: str,
        queue: str,
        max_attempts: int,
        priority: int,
        timeout: float | None = None,
        memory_limit: int | str | None = None,
        cancel_grace: float = DEFAULT_GRACE,
        limits: LimitOptions | None = None,
    ) -> None:
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise HandlerError(
                f"handler {quoted(kind)} is async: handlers are plain functions; call asyncio.run() inside one"
            )
        self.function = function
        self.kind = checked_kind(kind)
        self.queue = checked_queue(queue)
        self.max_attempts = checked_attempts(max_attempts)
        self.priority = checked_priority(priority)
        self.timeout = checked_limit(timeout, "timeout")
        self.memory_limit = checked_size(memory_limit, "memory_limit")
        self.cancel_grace = checked_delay(cancel_grace, "cancel_grace")
        self.parameters = Parameters(function, kind)
        limits = limits or LimitOptions()
        self.max_throttles = checked_attempts(limits.max_throttles, "max_throttles")
        self.rules = limits.rules(self.kind)
        if self.rules.concurrency_key is not None:
            self.parameters.check_takes(self.rules.concurrency_key, "concurrency_key")
        self._client = client
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, here and now."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<handler {self.kind!r} on queue {self.queue!r}>"

    def enqueue(self, /, **arguments: Any) -> Job:
        """Store a job with these arguments, which are checked against the function's annotations first.

        Raises PayloadError for arguments that do not fit, DatabaseError where nothing could be stored.
        """
        return self.using().enqueue(**arguments)

    def using(
        self,
        *,
        queue: str | None = None,
        priority: int | None = None,
        run_at: datetime | None = None,
        delay: float | None = None,
        unique_key: str | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
        expires_at: datetime | None = None,
        concurrency_key: str | None = None,
        connection: object | None = None,
    ) -> Prepared:
        """Return the handler with options for the jobs to be enqueued.

        ``run_at`` is an aware datetime, ``delay`` seconds from now; lower ``priority`` runs first; while a job of
        this kind with the same ``unique_key`` is live, enqueueing returns that one. ``timeout`` is the time limit of
        each attempt in seconds, instead of the handler's; from ``expires_at`` (an aware datetime) on no attempt is
        begun and the job ends dead. ``concurrency_key`` takes the place of the argument that the handler names.
        ``connection`` makes the job part of the transaction that is open on it: see
        ``ForgeJobs.enqueue``.
        """
        options = EnqueueOptions(
            queue=self.queue if queue is None else queue,
            priority=self.priority if priority is None else priority,
            run_at=run_at,
            delay=delay,
            unique_key=unique_key,
            max_attempts=self.max_attempts if max_attempts is None else max_attempts,
            timeout=timeout,
            expires_at=expires_at,
            concurrency_key=concurrency_key,
        )
        return Prepared(self.kind, self.parameters, self._client, options, connection)


class Prepared:
    """A handler with options: ``handler.using(priority=-5).enqueue(...)``."""

    def __init__(
        self, kind: str, parameters: Parameters, client: Client, options: EnqueueOptions, connection: object | None
    ) -> None:
        self._kind = kind
        self._parameters = parameters
        self._client = client
        self._options = options
        self._connection = connection

    def enqueue(self, /, **arguments: Any) -> Job:
        """Store a job with these arguments."""
        return self._client.enqueue(self._kind, self._parameters.encode(arguments), self._options, self._connection)


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function, which is the kind of its jobs; raise HandlerError where it has none."""
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        raise HandlerError(f"{quoted(function)} has no name to be the kind of its jobs: say @jobs.handler(kind=...)")
    return name


class Registry(Mapping[str, Handler[..., Any]]):
    """The handlers of one application, by kind."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler[..., Any]] = {}

    def add(self, handler: Handler[..., Any]) -> None:
        """Register a handler; raise HandlerError where another function has the kind, or nobody may."""
        if handler.kind.startswith(RESERVED) and handler.kind != EVENT_KIND:
            raise HandlerError(
                f"kind {quoted(handler.kind)} cannot be had: names that begin with {quoted(RESERVED)} are reserved"
            )
        other = self._handlers.get(handler.kind)
        if other is not None and _home(other.function) != _home(handler.function):
            raise HandlerError(
                f"kind {handler.kind!r} is handled by both {_home(other.function)} and {_home(handler.function)}: "
                "give one of them another name with @jobs.handler(kind=...)"
            )
        self._handlers[handler.kind] = handler

    def __getitem__(self, kind: str) -> Handler[..., Any]:
        return self._handlers[kind]

    def __iter__(self) -> Any:
        return iter(self._handlers)

    def __len__(self) -> int:
        return len(self._handlers)

    def queues(self) -> Iterable[str]:
        """Return the queues that the handlers name, without repetition, in the order of their registration.

        Events are carried in the queues of the jobs they are about: their handler names none.
        """
        return dict.fromkeys(handler.queue for handler in self._handlers.values() if handler.kind != EVENT_KIND)


def _home(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}"
