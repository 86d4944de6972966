"""From how an attempt ended to what is recorded of it: the one place where an outcome becomes a status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.backoff import crash_delay, retry_delay, throttle_delay
from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.outcome import Verdict
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Cause, Event, Status, after
from forge_jobs.storage.claims import Claim, Ended, done, end_of

CRASHES = frozenset({Cause.CRASHED, Cause.KILLED, Cause.LOST})
"""Causes that say more about the process than about the job: the first in a row is tried again at once."""

MOST_CRASHES = 1000
"""In a row, as they are counted: the wait has long been the longest."""


class Used(NamedTuple):
    """What an attempt used, as far as that is known: microseconds of wall and CPU time, bytes of peak memory."""

    wall_time: int | None = None
    cpu_time: int | None = None
    peak_memory: int | None = None


UNKNOWN = Used()


class Settler:
    """Settles attempts by their queue's settings; ``spread`` draws a number from -1 to 1 for the jitter.

    ``heard`` are the kinds for whose successes somebody listens.
    """

    def __init__(self, host: str, pid: int, spread: Callable[[], float], heard: frozenset[str] = frozenset()) -> None:
        self._host = host
        self._pid = pid
        self._spread = spread
        self._heard = heard

    def settle(
        self,
        claim: Claim,
        process_id: int,
        verdict: Verdict,
        settings: QueueSettings,
        now: int,
        started_at: int | None,
        used: Used = UNKNOWN,
    ) -> Ended:
        """Return the end to hand in. ``now`` and ``started_at`` are instants."""
        if verdict.result is not None:
            return done(
                claim,
                process_id,
                verdict.result,
                started_at,
                now,
                cpu_time=used.cpu_time,
                peak_memory=used.peak_memory,
                heard=claim.kind in self._heard,
            )
        ended: dict[str, Any]
        if verdict.released:
            event, ended = Event.GIVE_BACK, {"attempt_back": True, "crashes": claim.crashes}
        elif verdict.cause is None:
            event, ended = Event.GIVE_BACK, self._put_off(claim, verdict, settings, now)
        else:
            event, ended = self._failed(claim, verdict, settings, now, used)
        status = after(Status.IN_PROGRESS, event)
        assert status is not None
        return end_of(
            claim,
            process_id,
            status,
            now,
            started_at=started_at,
            cpu_time=used.cpu_time,
            peak_memory=used.peak_memory,
            **ended,
        )

    def _put_off(self, claim: Claim, verdict: Verdict, settings: QueueSettings, now: int) -> dict[str, Any]:
        seconds = verdict.wait_seconds
        if verdict.throttled:
            seconds = throttle_delay(settings, claim.throttles, seconds, self._spread())
        due = verdict.wait_until or now + round((seconds or 0.0) * MICROSECONDS)
        ended = {"scheduled_at": due, "attempt_back": True, "crashes": claim.crashes}
        return ended | {"throttled": verdict.throttled, "lets_go": verdict.lets_go}

    def _failed(
        self, claim: Claim, verdict: Verdict, settings: QueueSettings, now: int, used: Used
    ) -> tuple[Event, dict[str, Any]]:
        assert verdict.cause is not None
        crashed = verdict.cause in CRASHES
        crashes = min(claim.crashes + 1, MOST_CRASHES) if crashed else 0
        entry = ErrorEntry(
            at=now,
            attempt=claim.attempt,
            cause=verdict.cause,
            message=verdict.message,
            traceback=verdict.traceback,
            host=self._host,
            pid=verdict.pid or self._pid,
            exit_signal=verdict.exit_signal,
            exit_code=verdict.exit_code,
            wall_seconds=None if used.wall_time is None else used.wall_time / MICROSECONDS,
            cpu_seconds=None if used.cpu_time is None else used.cpu_time / MICROSECONDS,
            peak_memory=used.peak_memory,
        )
        if verdict.cause is Cause.CANCELLED:
            return Event.CANCEL, {"error": entry, "crashes": crashes}
        if verdict.final or claim.attempt >= claim.max_attempts:
            return Event.GIVE_UP, {"error": entry, "crashes": crashes}
        if crashed:
            delay = crash_delay(settings, crashes, self._spread())
        else:
            delay = retry_delay(settings, claim.attempt, self._spread())
        due = now + round(delay * MICROSECONDS)
        return Event.FAIL, {"error": entry, "crashes": crashes, "scheduled_at": due}
