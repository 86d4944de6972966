"""The Limits port, as far as it is the same on every kind of database."""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from forge_jobs.model.limits import NEVER_REFILLED, Admitted, Bucket, Granted, KindRules, Places, RateLimit
from forge_jobs.storage.admission import Key, admit, all_rules, buckets, existing_buckets, kind_rules, rules_row
from forge_jobs.storage.applying import Applying, Transactions, note_all


class StoredLimits(abc.ABC):
    """Limits of kinds, and token buckets."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    @abc.abstractmethod
    def _calling(self) -> AbstractContextManager[Any]:
        """Give a write transaction after which every coordinator looks at once."""

    @abc.abstractmethod
    def _take(self, connection: Any, scopes: Sequence[str], cost: float) -> Granted:
        """Take ``cost`` tokens of every rate limit, or of none."""

    def declare(self, kinds: Sequence[KindRules], rate_limits: Sequence[RateLimit] = ()) -> None:
        """Note what an application declares; put what is enqueued already under limits that are new."""
        known = {rules.kind: rules for rules in self.rules()}
        if rate_limits:
            with self._database.writing() as connection:
                for limit in sorted(rate_limits, key=lambda limit: limit.scope):
                    self._set_bucket(connection, limit, declared=f"{limit.capacity:g} {limit.refill:g}")
        for rules in sorted(kinds, key=lambda rules: rules.kind):
            if known.get(rules.kind, KindRules(kind=rules.kind)) != rules:
                applying = Applying(self._database, rules)
                with self._calling() as connection:
                    applying.declare(connection)
                applying.finish()

    def rules(self) -> list[KindRules]:
        """Return what is declared of each kind, by name."""
        with self._database.joined() as connection:
            return list(all_rules(self._database, connection).values())

    def admit(self, limit: int) -> Admitted:
        """Give out places for at most ``limit`` keys, and to jobs whose kinds have got tokens."""
        ready: Counter[str] = Counter()
        waits: list[float] = []
        with self._database.writing() as connection:
            keys: list[Key] = self._database.run(connection, "take_admissions", (limit,))
            metered = [kind for (kind,) in self._database.run(connection, "metered_waiting")]
            ready.update(admit(self._database, connection, [*keys, *((kind, "") for kind in metered)]))
            for (kind,) in self._database.run(connection, "metered_waiting"):
                wait = self._next_token(connection, kind_rules(self._database, connection, kind))
                waits += [wait] if wait > 0 else []  # else it is not tokens that are missing
            ((more,),) = self._database.run(connection, "any_admission")
        return Admitted(ready=dict(ready), more=bool(more), wait=min(waits, default=None))

    def _next_token(self, connection: Any, rules: KindRules) -> float:
        now = self._database.clock.now()
        found = existing_buckets(self._database, connection, rules.rate_limits, now)
        if len(found) < len(rules.rate_limits):
            return NEVER_REFILLED
        return max((bucket.wait(rules.rate_cost, now) for bucket in found), default=0.0)

    def sweep(self, limit: int) -> int:
        """Note that places are to be given out where jobs wait although nobody has one; return how many were noted."""
        with self._database.joined() as connection:
            keys = self._database.run(connection, "stranded_keys", (limit,))
        if keys:
            with self._calling() as connection:
                self._database.many(connection, "add_admission", [tuple(key) for key in keys])
        return len(keys)

    def places(self, most: int) -> list[Places]:
        """Return how the places of each kind with limits are given out; jobs that wait are counted up to ``most``."""
        found = []
        with self._database.snapshot() as connection:
            for rules in all_rules(self._database, connection).values():
                if rules.limited:
                    ((taken, ready),) = self._database.run(connection, "count_limited", (rules.kind,))
                    ((waiting,),) = self._database.run(connection, "count_for_places", (rules.kind, most))
                    found.append(Places(rules=rules, running=taken - ready, ready=ready, waiting=waiting))
        return found

    def acquire(self, scopes: Sequence[str], cost: float) -> Granted:
        """Take ``cost`` tokens of every rate limit, or of none; raise InvalidValue for one that is not there."""
        with self._database.writing() as connection:
            return self._take(connection, scopes, cost)

    def drain(self, scope: str, wait: int) -> bool:
        """Empty a rate limit, to be refilled from ``wait`` microseconds on; False where it is not there."""
        now = self._database.clock.now()
        with self._database.writing() as connection:
            existing_buckets(self._database, connection, [scope], now)
            return bool(self._database.run(connection, "drain_bucket", (self._database.stored(now + wait), scope)))

    def rate_limits(self) -> list[Bucket]:
        """Return all rate limits as they stand, by scope."""
        with self._database.joined() as connection:
            return buckets(self._database, connection)

    def restore(self, kinds: Sequence[KindRules], rate_limits: Sequence[Bucket]) -> None:
        """Store what another database had, in the transaction that is open; all places are to be given out."""
        with self._database.joined() as connection:
            self._database.many(connection, "declare_kind", [rules_row(rules) for rules in kinds])
            self._database.many(connection, "store_bucket", [self._bucket_row(bucket) for bucket in rate_limits])
            for rules in kinds:
                note_all(self._database, connection, rules)

    def _bucket_row(self, bucket: Bucket) -> tuple[Any, ...]:
        settings = (None, None) if bucket.inherited else (bucket.capacity, bucket.refill)
        return (bucket.scope, *settings, bucket.tokens, self._database.stored(bucket.refilled_at), bucket.declared)

    def set_rate_limit(self, limit: RateLimit) -> None:
        """Create or change a rate limit; what is in it stays, as far as it fits."""
        with self._calling() as connection:
            self._set_bucket(connection, limit, declared=None)

    def _set_bucket(self, connection: Any, limit: RateLimit, *, declared: str | None) -> None:
        now = self._database.stored(self._database.clock.now())
        self._database.run(connection, "set_bucket", (limit.scope, limit.capacity, limit.refill, now, declared))

    def remove_rate_limit(self, scope: str) -> bool:
        """Remove a rate limit and the scopes that have its settings; False where it is not there."""
        with self._database.writing() as connection:
            return bool(self._database.run(connection, "remove_bucket", (scope,)))

    def prune_rate_limits(self, unused_since: int, limit: int) -> int:
        """Remove at most ``limit`` scopes that were made by their use, are full and were not used since an instant."""
        if not any(bucket.inherited for bucket in self.rate_limits()):
            return 0
        with self._database.writing() as connection:
            return len(
                self._database.run(connection, "remove_idle_buckets", (self._database.stored(unused_since), limit))
            )
