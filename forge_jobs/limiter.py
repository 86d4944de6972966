"""Rate limits as handlers and programs use them: take tokens before doing something, or wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import InvalidValue
from forge_jobs.model.limits import Bucket, RateLimit, checked_cost, checked_scope, checked_scopes, rate_limit
from forge_jobs.model.names import checked_delay
from forge_jobs.model.outcome import RateLimited
from forge_jobs.showing import quoted

if TYPE_CHECKING:
    from forge_jobs.storage.limit_ports import Limits


class RateLimiter:
    """The token buckets of one database, the same for every process of every host.

    A scope such as "slack:tenant-7" is a bucket of its own with the settings of "slack". It is made at its first use
    and forgotten when it has been full for a while.
    """

    def __init__(self, limits: Callable[[], Limits]) -> None:
        self._limits = limits

    def acquire(self, *scopes: str, cost: float = 1) -> None:
        """Take ``cost`` tokens of every scope named, or of none and raise RateLimited.

        A handler that lets RateLimited pass gives its job back: it waits ``retry_after`` seconds and keeps its attempt.
        Raises InvalidValue for a scope that nobody has declared, or a cost that its bucket can never hold.
        """
        granted = self._limits().acquire(_named(scopes), checked_cost(cost))
        if not granted.number:
            raise RateLimited(granted.wait)

    def try_acquire(self, *scopes: str, cost: float = 1) -> bool:
        """Take ``cost`` tokens of every scope named, or of none; answer which."""
        return bool(self._limits().acquire(_named(scopes), checked_cost(cost)).number)

    def drain(self, scope: str, retry_after: float = 0.0) -> None:
        """Empty a bucket, for everybody: the other side has said that it is enough (HTTP 429).

        It is refilled from ``retry_after`` seconds on. Raises InvalidValue for a scope that nobody has declared.
        """
        wait = round(checked_delay(retry_after, "retry_after") * MICROSECONDS)
        if not self._limits().drain(checked_scope(scope), wait):
            raise _unknown(scope)

    def all(self) -> list[Bucket]:
        """Return every bucket as it stands."""
        return self._limits().rate_limits()

    def set(
        self,
        scope: str,
        *,
        capacity: float,
        per_second: float | None = None,
        per_minute: float | None = None,
        per_hour: float | None = None,
        per_day: float | None = None,
    ) -> None:
        """Create or change a rate limit; it stays so until the application's code declares something else."""
        per = {"second": per_second, "minute": per_minute, "hour": per_hour, "day": per_day}
        self._limits().set_rate_limit(rate_limit(scope, capacity, **per))

    def delete(self, scope: str) -> None:
        """Remove a rate limit and the scopes that have its settings; raise InvalidValue where there is none."""
        if not self._limits().remove_rate_limit(checked_scope(scope)):
            raise _unknown(scope)


class RateLimits:
    """The rate limits that an application's code declares."""

    def __init__(self) -> None:
        self._by_scope: dict[str, RateLimit] = {}

    def add(self, limit: RateLimit) -> None:
        """Take a declaration; raise InvalidValue for a second one of the scope that says something else."""
        if self._by_scope.setdefault(limit.scope, limit) != limit:
            raise InvalidValue(f"rate limit {quoted(limit.scope)} is declared twice, with different settings")

    def all(self) -> list[RateLimit]:
        """Return them all."""
        return list(self._by_scope.values())


def _named(scopes: tuple[str, ...]) -> tuple[str, ...]:
    if not scopes:
        raise InvalidValue("acquire needs the name of a rate limit")
    return checked_scopes(scopes)


def _unknown(scope: str) -> InvalidValue:
    return InvalidValue(f"there is no rate limit {quoted(scope)}: see forge-jobs limits list")
