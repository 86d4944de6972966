"""Running one claim: its place on the board, its limits, its title, and what it used."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from forge_jobs.clock import Clock, monotonic
from forge_jobs.context import Handlers, JobContext
from forge_jobs.execution import ended_for_good, run
from forge_jobs.handlers import Handler
from forge_jobs.hooks import Hooks
from forge_jobs.logs import note_running
from forge_jobs.model.outcome import Verdict
from forge_jobs.settling import Used
from forge_jobs.storage.claims import Claim
from forge_jobs_supervisor.messages import Watch, encoded
from forge_jobs_supervisor.telling import tell_start
from forge_jobs_supervisor.unix import processes, titles
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.tidying import Tidy
from forge_jobs_supervisor.unix.usage import Meter
from forge_jobs_supervisor.unix.wakeup import Wakeup
from forge_jobs_supervisor.worker.seat import Limits, Seat
from forge_jobs_supervisor.worker.stopping import Stopper

_TITLE_EVERY = 0.05
"""Seconds between titles while jobs are tiny: setting one costs as much as a small job's bookkeeping."""


class Ran(NamedTuple):
    """How a handler's call ended. ``stopped``: an exception was raised in it from outside."""

    verdict: Verdict
    started_at: int
    seconds: float
    used: Used
    stopped: bool


class Runner:
    """Calls handlers, one at a time."""

    def __init__(
        self,
        *,
        queue: str,
        number: int,
        handlers: Mapping[str, Handler[..., Any]],
        hooks: Hooks,
        heard: frozenset[str],
        enqueue: Callable[..., Any],
        seat: Seat,
        stopper: Stopper,
        lifeline: Lifeline,
        wakeup: Wakeup,
        stores: Handlers,
        clock: Clock,
    ) -> None:
        self._queue, self._number = queue, number
        self._pid = os.getpid()
        self._handlers = handlers
        self._hooks = hooks
        self._heard = heard
        self._enqueue = enqueue
        self._seat = seat
        self._stopper = stopper
        self._lifeline = lifeline
        self._wakeup = wakeup
        self._stores = stores
        self._clock = clock
        self._meter = Meter()
        self._tidy = Tidy()
        self._in_order = True
        self._titled_at = 0.0
        self._limits: dict[tuple[str, int | None], Limits] = {}

    def run(self, claim: Claim, process_id: int, memory_limit: int | None, *, tiny: bool) -> Ran | None:
        """Run a claim; None if it must not be started.

        ``memory_limit`` is bytes, where the handler names none. A ``tiny`` job is not always named in the title, and
        after it ``put_in_order`` is to be called before the database is.
        """
        handler = self._handlers[claim.kind]
        limits = self._limits_of(claim, handler, memory_limit)
        self._stopper.begin()
        if self._seat.start(claim, limits) is None:
            return None
        if (limits.time or limits.memory) and not self._seat.is_watched:
            self._lifeline.send(encoded(Watch()))
        self._title(claim, tiny=tiny)
        tell_start(claim)
        started_at = self._clock.now()
        cpu = self._meter.start(tiny=tiny)
        self._seat.began(cpu)
        before = monotonic()
        note_running(claim)
        verdict = run(
            handler,
            claim.payload,
            lambda: self._context(claim, process_id),
            self._stopper.struck,
            self._hooks.middleware,
        )
        note_running(None)
        seconds = monotonic() - before
        if os.getpid() != self._pid:  # the handler forked and came back in the child: there is one worker only
            os._exit(0)
        used = Used(round(seconds * 1e6), *self._meter.stop(cpu))
        self._in_order = False
        if tiny:
            self._tidy.restore_what_shows()
        else:
            self.put_in_order()
        self._seat.ended()
        return Ran(ended_for_good(verdict, claim, handler), started_at, seconds, used, self._stopper.end())

    def put_in_order(self) -> None:
        """Undo what handlers did to this process."""
        if self._in_order:
            return
        if not self._lifeline.is_open():
            os._exit(processes.LOST_DESCRIPTORS)  # so is, perhaps, the database: nothing may be written to it
        self._tidy.restore()
        self._wakeup.reclaim()
        self._in_order = True

    def _limits_of(self, claim: Claim, handler: Handler[..., Any], memory_limit: int | None) -> Limits:
        limits = self._limits.get((claim.kind, memory_limit))
        if limits is None:
            limits = self._limits[claim.kind, memory_limit] = Limits(
                time=max(round(handler.timeout * 1e6), 1) if handler.timeout else 0,
                memory=handler.memory_limit or memory_limit or 0,
                grace=round(handler.cancel_grace * 1e6),
            )
        return limits if claim.time_limit is None else limits._replace(time=claim.time_limit)

    def _context(self, claim: Claim, process_id: int) -> JobContext:
        return JobContext.of(
            claim,
            process_id,
            clock=self._clock,
            storage=self._stores,
            enqueue=self._enqueue,
            report=self._seat.progress,
            stops=self._stopper,
            heard=claim.kind in self._heard,
        )

    def _title(self, claim: Claim, *, tiny: bool) -> None:
        now = monotonic()
        if not tiny or now - self._titled_at > _TITLE_EVERY:
            titles.worker(self._queue, self._number, f"{claim.kind} {claim.id}")
            self._titled_at = now
