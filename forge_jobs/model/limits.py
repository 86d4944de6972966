"""Limits: how many jobs of a kind may run at once, and how often something may be done; pure rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import InvalidValue
from forge_jobs.showing import quoted

MAX_RUNNING = 1_000_000
MAX_RATE = 1e9
MAX_SCOPE = 200
LEAST_COST = 1e-6
PARENT = ":"
"""What parts a scope of its own ("slack:tenant-7") from the scope whose settings it has ("slack")."""

NEVER_REFILLED = 60.0
"""Seconds to wait for a token that will not come by itself: an operator may change the limit meanwhile."""

_ROUNDING = 1e-9
"""Tokens by which a bucket may fall short of what is asked: sums of fractions do not meet whole numbers."""


class KindRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the handler of a kind declares, as far as the database must know it.

    ``max_running`` of its jobs run at once in the whole cluster, and ``max_running_per_key`` of those with one
    concurrency key, which is the value of the argument ``concurrency_key``. Each start takes ``rate_cost`` tokens of
    every one of ``rate_limits``. ``events`` are the ends that its application wants to hear of.
    """

    kind: str
    max_running: int | None = None
    max_running_per_key: int | None = None
    concurrency_key: str | None = None
    rate_limits: tuple[str, ...] = ()
    rate_cost: float = 1.0
    events: tuple[str, ...] = ()

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self.max_running is not None or self.max_running_per_key is not None or bool(self.rate_limits)

    @property
    def in_order(self) -> bool:
        """Whether jobs of one key run strictly one after another: one that waits for its next try keeps its place."""
        return self.max_running_per_key == 1

    def key_of(self, given: str | None, payload: bytes) -> str:
        """Return the concurrency key of a job: the one given, else that in its payload, else none (``""``)."""
        if given is not None:
            return given
        if self.concurrency_key is None:
            return ""
        arguments = msgspec.json.decode(payload)
        value = arguments.get(self.concurrency_key) if isinstance(arguments, dict) else None
        told = msgspec.json.encode(value).decode().replace("\\u0000", "\\ufffd")  # no database can hold that as text
        told = told[1:-1] if isinstance(value, str) else told
        return "" if told == "null" else told


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A token bucket: it holds at most ``capacity`` tokens and gets ``refill`` of them a second."""

    scope: str
    capacity: float
    refill: float


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """A rate limit as it stands in the database. ``refilled_at`` lies in the future while the bucket is drained.

    ``inherited`` says that capacity and refill are those of the scope before the colon; ``declared`` is what the code
    said last.
    """

    scope: str
    capacity: float
    refill: float
    tokens: float
    refilled_at: int
    inherited: bool = False
    declared: str | None = None

    def available(self, now: int) -> float:
        """Return the tokens in it at an instant: min(capacity, tokens + elapsed seconds × refill)."""
        elapsed = max(now - self.refilled_at, 0) / MICROSECONDS
        return min(self.capacity, self.tokens + elapsed * self.refill)

    def wait(self, cost: float, now: int) -> float:
        """Return the seconds until ``cost`` tokens are in it."""
        missing = cost - _ROUNDING - self.available(now)
        if missing <= 0:
            return 0.0
        if self.refill <= 0 or cost > self.capacity:
            return NEVER_REFILLED
        return max(self.refilled_at - now, 0) / MICROSECONDS + missing / self.refill


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """How the places of a kind with limits are given out now; ``waiting`` is counted up to a limit."""

    rules: KindRules
    running: int
    ready: int
    waiting: int


class Limited(msgspec.Struct, frozen=True, kw_only=True):
    """What holds up a job of a kind with limits: some of the jobs that have the places, and its kind's buckets."""

    rules: KindRules
    holders: Sequence[str] = ()
    taken: int = 0
    buckets: Sequence[Bucket] = ()


class Granted(NamedTuple):
    """``number`` times all that was asked for was taken; ``wait`` is the seconds until once more could be."""

    number: int
    wait: float = 0.0


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of each queue got places of limits and are ready.

    ``more`` says that there are keys left to be seen to, ``wait`` is the seconds until some rate limit has tokens for a
    job that waits for them (``None``: none waits).
    """

    ready: Mapping[str, int]
    more: bool = False
    wait: float | None = None


def grant(buckets: Sequence[Bucket], cost: float, wanted: int, now: int) -> Granted:
    """Return how often, at most ``wanted`` times, ``cost`` can be taken of every bucket."""
    if cost <= 0:
        return Granted(wanted)
    least = min(bucket.available(now) for bucket in buckets)
    number = int(min((least + _ROUNDING) / cost, wanted))
    return Granted(
        number, 0.0 if number == wanted else max(bucket.wait(cost * (number + 1), now) for bucket in buckets)
    )


def parent_of(scope: str) -> str | None:
    """Return the scope whose settings a scope has that has none of its own."""
    head, colon, _rest = scope.partition(PARENT)
    return head if colon else None


def checked_scope(scope: Any) -> str:
    """Return the name of a rate limit; raise InvalidValue."""
    good = isinstance(scope, str) and 0 < len(scope) <= MAX_SCOPE and scope.isprintable() and scope.strip() == scope
    if not good or not scope.partition(PARENT)[0]:
        raise InvalidValue(
            f'rate limit {quoted(scope)} is no name: use 1 to {MAX_SCOPE} letters, such as "slack" or "slack:7"'
        )
    return str(scope)


def checked_scopes(scopes: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of one or several rate limits, each once, in order; raise InvalidValue."""
    several = [scopes] if isinstance(scopes, str) else list(scopes)
    return tuple(sorted({checked_scope(scope) for scope in several}))


def checked_cost(cost: Any) -> float:
    """Return a number of tokens above 0; raise InvalidValue."""
    checked = _checked_number(cost, "cost", above=0.0)
    if checked < LEAST_COST:
        raise InvalidValue(f"cost {quoted(cost)} is not valid: use {LEAST_COST:g} or more")
    return checked


def checked_running(number: Any, what: str) -> int | None:
    """Return how many may run at once, or None; raise InvalidValue."""
    if number is None or (type(number) is int and 1 <= number <= MAX_RUNNING):
        return number
    raise InvalidValue(
        f"{what} {quoted(number)} is not valid: use a whole number from 1 to {MAX_RUNNING}, or None for no limit"
    )


def rate_limit(scope: str, capacity: float, **per: float | None) -> RateLimit:
    """Return a rate limit of so many tokens ``second``, ``minute``, ``hour`` or ``day``; raise InvalidValue."""
    given = {unit: rate for unit, rate in per.items() if rate is not None}
    if len(given) != 1:
        raise InvalidValue(
            f"rate limit {quoted(scope)}: say exactly one of per_second, per_minute, per_hour and per_day"
        )
    ((unit, rate),) = given.items()
    return RateLimit(
        scope=checked_scope(scope),
        capacity=_checked_number(capacity, "capacity", above=0.0),
        refill=_checked_number(rate, f"per_{unit}") / _SECONDS[unit],
    )


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def _checked_number(number: Any, what: str, *, above: float | None = None) -> float:
    if type(number) in (int, float) and 0 <= number <= MAX_RATE and (above is None or number > above):
        return float(number)
    raise InvalidValue(
        f"{what} {quoted(number)} is not valid: use a number {'above' if above is not None else 'from'} 0, up to 1e9"
    )
