"""The closed set of ways a handler may end, and what is recorded of each.

A handler returns a value (done), raises any exception (failed), or returns or raises one of these.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from forge_jobs.model.names import checked_delay, checked_moment
from forge_jobs.model.states import Cause


class Outcome(Exception):
    """The base of the outcomes; use one of those below."""


class Done(Outcome):
    """The job is done, with this result."""

    def __init__(self, value: Any = None) -> None:
        super().__init__(value)
        self.value = value


class Failed(Outcome):
    """The attempt failed; the job is tried again while it has attempts left."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = str(message)


class Dead(Outcome):
    """The job can never succeed; it is not tried again."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = str(message)


class Throttled(Outcome):
    """Whatever the job needs is not to be had now: it waits and keeps its attempt.

    It waits ``retry_after`` seconds, or by its queue's backoff if that is longer: see ``backoff.throttle_delay``. After
    its handler's ``max_throttles`` it ends dead.
    """

    def __init__(self, retry_after: float | None = None) -> None:
        self.retry_after = None if retry_after is None else checked_delay(retry_after, "retry_after")
        super().__init__(self.retry_after)


class RateLimited(Outcome):
    """A rate limit has no tokens for it now: the job waits ``retry_after`` seconds and keeps its attempt."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = checked_delay(retry_after, "retry_after")
        super().__init__(self.retry_after)

    def __str__(self) -> str:
        return f"the rate limit has tokens again in {self.retry_after:.1f} s"


class Snoozed(Outcome):
    """The job wants to run later: at ``until`` (an aware datetime) or ``delay`` seconds from now; keeps its attempt."""

    def __init__(self, until: datetime | None = None, *, delay: float | None = None) -> None:
        if (until is None) == (delay is None):
            raise TypeError("Snoozed takes either until= or delay=")
        self.until = None if until is None else checked_moment(until, "until")
        self.delay = None if delay is None else checked_delay(delay)
        super().__init__(until if delay is None else delay)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt ended, in storable form.

    Exactly one of four: ``result`` is set (done); ``cause`` is set (failed; ``final`` says never again);
    ``wait_until``/``wait_seconds`` is set (given back to run later, the attempt too); or ``released`` (given back to
    its old place in line, the attempt too). ``throttled`` jobs wait by their queue's curve; ``lets_go``: meanwhile the
    next of its concurrency key may run.
    """

    result: bytes | None = None
    cause: Cause | None = None
    final: bool = False
    message: str = ""
    traceback: str | None = None
    wait_until: int | None = None
    wait_seconds: float | None = None
    released: bool = False
    throttled: bool = False
    lets_go: bool = False
    exit_signal: str | None = None
    exit_code: int | None = None
    pid: int | None = None
