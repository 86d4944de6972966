"""Listeners: functions of the application that hear what became of its jobs. A job of its own carries each event."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from forge_jobs.client import Client
from forge_jobs.context import JobContext
from forge_jobs.errors import HandlerError
from forge_jobs.handlers import Handler
from forge_jobs.model.events import EVENT_ATTEMPTS, EVENT_KIND, EVENT_PRIORITY, EVENTS, JobEvent, checked_event
from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.names import checked_kind
from forge_jobs.model.outcome import Dead
from forge_jobs.model.queue import DEFAULT_QUEUE
from forge_jobs.showing import quoted

Hears = Callable[[JobEvent], Any]
L = TypeVar("L", bound=Hears)

AGAIN_AFTER = 10.0
"""Seconds until a listener that failed is called again by a job of its own."""


class Listener(NamedTuple):
    """A function that hears one event, of the jobs of one kind or (None) of all that the application handles."""

    event: str
    kind: str | None
    function: Hears

    @property
    def name(self) -> str:
        """What it is called in the database and in the log."""
        function = self.function
        return f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"


class Listeners:
    """The listeners of one application, in the order of their declaration."""

    def __init__(self) -> None:
        self._all: list[Listener] = []

    def __len__(self) -> int:
        return len(self._all)

    def add(self, event: str, kind: str | None, function: Hears) -> None:
        """Add a listener; raise InvalidValue for an unknown event, HandlerError for what cannot be called with one."""
        told = f"the listener of {quoted(checked_event(event))}"
        if not callable(function) or inspect.iscoroutinefunction(function):
            raise HandlerError(f"{told} is to be a plain function that takes an event, not {quoted(function)}")
        try:
            inspect.signature(function).bind(None)
        except TypeError:
            raise HandlerError(f"{told}, {quoted(function)}, cannot be called with one event") from None
        self._all.append(Listener(event, None if kind is None else checked_kind(kind), function))

    def heard_of(self, kind: str) -> tuple[str, ...]:
        """Return the events of a kind of jobs that somebody listens for."""
        if kind == EVENT_KIND:
            return ()
        heard = {listener.event for listener in self._all if listener.kind in (None, kind)}
        return tuple(event for event in EVENTS if event in heard)

    def hearing_success(self, kinds: Iterable[str]) -> frozenset[str]:
        """Return those of the kinds whose every success somebody listens for: a worker says so when it hands in."""
        return frozenset(kind for kind in kinds if "done" in self.heard_of(kind))

    def deliver(
        self,
        ctx: JobContext,
        event: str,
        job_id: str,
        kind: str,
        queue: str,
        attempt: int,
        at: int,
        error: ErrorEntry | None = None,
        listener: str | None = None,
        **_of_later_versions: Any,
    ) -> None:
        """Tell an event to all who listen for it; the handler of ``forge.event``.

        A listener that raises is called again alone, by a job of its own, so that the others are not told twice.
        ``listener`` names it there.
        """
        told = JobEvent(event=event, job_id=job_id, kind=kind, queue=queue, attempt=attempt, at=at, error=error)
        hearing = [one for one in self._all if one.event == event and one.kind in (None, kind)]
        if listener is not None:
            hearing = [one for one in hearing if one.name == listener]
            if not hearing:
                raise Dead(f"there is no listener {listener} any more")
        if len(hearing) == 1:
            hearing[0].function(told)
            return
        failed = [one.name for one in hearing if not _told(one, told, ctx)]
        for name in dict.fromkeys(failed):
            again = {"event": event, "job_id": job_id, "kind": kind, "queue": queue, "attempt": attempt, "at": at}
            ctx.enqueue(
                EVENT_KIND,
                again | {"error": error, "listener": name},
                queue=ctx.queue,
                priority=EVENT_PRIORITY,
                max_attempts=EVENT_ATTEMPTS,
                delay=AGAIN_AFTER,
            )


def event_handler(listeners: Listeners, client: Client) -> Handler[..., Any]:
    """Return the handler of the jobs that carry events."""
    return Handler(
        listeners.deliver,
        client,
        kind=EVENT_KIND,
        queue=DEFAULT_QUEUE,
        max_attempts=EVENT_ATTEMPTS,
        priority=EVENT_PRIORITY,
    )


def _told(listener: Listener, event: JobEvent, ctx: JobContext) -> bool:
    """Call one of several listeners; False where it raised."""
    try:
        listener.function(event)
    except (Exception, SystemExit):
        told = "listener %s of %s failed and is called again"
        ctx.logger.exception(told, listener.name, event.event, extra={"event": "listener.failed"})
        return False
    return True
