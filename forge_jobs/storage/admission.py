"""Giving out the places of limits, inside the caller's write transaction; the same on every kind of database.

A job of a kind with limits waits for a place of its key, then for one of its kind; then it is ready. A place is taken
from then on until its job has ended: the rows themselves are the record of who has one, so none can leak, and a claim
has nothing to ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Protocol

import msgspec

from forge_jobs.clock import Clock
from forge_jobs.errors import InvalidValue
from forge_jobs.model.limits import Bucket, KindRules, grant
from forge_jobs.storage.reading import decoded, finite, record
from forge_jobs.storage.records import UNKNOWN_KIND, Unserved

Key = tuple[str, str]
"""(kind, concurrency key); the key is empty where only the kind's places are meant."""

SLICE = 500
"""Jobs that are given a place at once; where there are more, the rest is noted for the coordinators."""

ENDLESS = 2**31
"""More than there can be."""


class Tables(Protocol):
    """What runs statements by name."""

    @property
    def clock(self) -> Clock: ...

    def run(self, connection: Any, name: str, values: Any = ()) -> list[Any]: ...

    def stored(self, instant: int) -> Any:
        """Return an instant as a parameter."""

    def listed(self, texts: Sequence[str]) -> Any:
        """Return several texts as one parameter."""


def all_rules(tables: Tables, connection: Any) -> dict[str, KindRules]:
    """Return what is declared of each kind."""
    return {row[0]: _rules_of(row) for row in tables.run(connection, "rules")}


def kind_rules(tables: Tables, connection: Any, kind: str) -> KindRules:
    """Return what is declared of a kind: nothing, where nobody has."""
    return _rules_or_none(tables.run(connection, "rules_of", (kind,)), kind)


def locked_rules(tables: Tables, connection: Any, kind: str) -> KindRules:
    """Return what is declared of a kind; nobody else gives out its places until the transaction is over."""
    return _rules_or_none(tables.run(connection, "rules_locked", (kind,)), kind)


def admit(tables: Tables, connection: Any, keys: Iterable[Key]) -> Counter[str]:
    """Give out the free places of these keys and of their kinds; return how many jobs became ready, by queue.

    Where more have places than there are, since a limit was lowered, those that do not run lose them, the last first.
    One transaction at a time gives out places of a kind; each locks kinds in the order of their names, after all jobs
    that it locks.
    """
    ready: Counter[str] = Counter()
    for kind, those in groupby(sorted(set(keys), key=repr), key=lambda key: key[0]):
        rules = locked_rules(tables, connection, kind)
        for _kind, key in those:
            if key:
                _admit_key(tables, connection, rules, key)
        ready.update(_admit_kind(tables, connection, rules))
    return ready


def rekey(tables: Tables, connection: Any, row: Sequence[Any], payload: bytes | None) -> None:
    """Give a job with limits the concurrency key of its new payload: it waits for a place of that.

    ``row`` is one of ``select_by_filter.sql``.
    """
    if payload is None or row[6] is None:
        return
    rules = kind_rules(tables, connection, row[5])
    if rules.concurrency_key is not None and (key := rules.key_of(None, payload)) != row[6]:
        tables.run(connection, "rekey", (row[0], key))
        tables.run(connection, "add_admission", (rules.kind, key))


def _admit_key(tables: Tables, connection: Any, rules: KindRules, key: str) -> None:
    places = ENDLESS if rules.max_running_per_key is None else rules.max_running_per_key
    if len(tables.run(connection, "admit_key", (rules.kind, key, places, SLICE))) == SLICE:
        tables.run(connection, "add_admission", (rules.kind, key))


def _admit_kind(tables: Tables, connection: Any, rules: KindRules) -> Counter[str]:
    """Make as many jobs of a kind ready as it has places and tokens for; return how many, by queue."""
    taken, waiting = _taken(tables, connection, rules)
    surplus = 0 if rules.max_running is None else min(taken - rules.max_running, waiting)
    if surplus > 0:
        _close(tables, connection, rules.kind, surplus)
        return Counter()
    room = min(_room(tables, connection, rules, taken, waiting), SLICE)
    if room <= 0:
        return Counter()
    ready = Counter(queue for (queue,) in tables.run(connection, "admit_kind", (rules.kind, room)))
    if ready.total() == SLICE:
        tables.run(connection, "add_admission", (rules.kind, ""))
    return ready


def _close(tables: Tables, connection: Any, kind: str, surplus: int) -> None:
    """Take places of a kind from ready jobs: from the last in line, unless they are too many to be put in order."""
    if surplus <= SLICE:
        tables.run(connection, "close_last", (kind, surplus))
    else:
        tables.run(connection, "close_kind", (kind, SLICE))
        tables.run(connection, "add_admission", (kind, ""))


def _taken(tables: Tables, connection: Any, rules: KindRules) -> tuple[int, int]:
    """Return how many places of a kind are taken, and how many of those by ready jobs, where that matters."""
    if rules.max_running is None and not rules.rate_limits:
        return 0, 0  # there may be very many that are ready: they are not counted
    ((taken, waiting),) = tables.run(connection, "count_limited", (rules.kind,))
    return taken, waiting


def _room(tables: Tables, connection: Any, rules: KindRules, taken: int, waiting: int) -> int:
    room = SLICE if rules.max_running is None else rules.max_running - taken
    if rules.rate_limits:
        now = tables.clock.now()
        found = existing_buckets(tables, connection, rules.rate_limits, now)
        whole = len(found) == len(rules.rate_limits)  # a limit that nobody has declared lets nothing pass
        tokens = grant(found, rules.rate_cost, waiting + SLICE, now).number if whole else 0
        room = min(room, tokens - waiting)
    return int(room)


def existing_buckets(tables: Tables, connection: Any, scopes: Sequence[str], now: int) -> list[Bucket]:
    """Return the rate limits named; one that has its settings from another is made at its first use."""
    found = buckets(tables, connection, scopes)
    missing = sorted(set(scopes) - {bucket.scope for bucket in found})
    if missing:
        for scope in missing:
            tables.run(connection, "inherit_bucket", (scope, tables.stored(now)))
        found = buckets(tables, connection, scopes)
    return found


def buckets(tables: Tables, connection: Any, scopes: Sequence[str] | None = None) -> list[Bucket]:
    """Return the rate limits named, as far as they are there; all of them without names."""
    named = tables.listed(scopes or ())
    return [bucket_of(row) for row in tables.run(connection, "buckets", (scopes is None, named))]


def check_buckets(found: Sequence[Bucket], scopes: Sequence[str], cost: float) -> None:
    """Raise InvalidValue where a bucket is missing, or smaller than the cost."""
    missing = sorted(set(scopes) - {bucket.scope for bucket in found})
    if missing:
        raise InvalidValue(
            f"there is no rate limit {missing[0]!r}: declare it with jobs.rate_limit({missing[0]!r}, ...), "
            f"or forge-jobs limits set {missing[0]}; what the code declares is stored when a supervisor starts"
        )
    for bucket in found:
        if cost > bucket.capacity:
            raise InvalidValue(
                f"cost {cost:g} is more than the rate limit {bucket.scope!r} can ever hold ({bucket.capacity:g})"
            )


def bucket_of(row: Sequence[Any]) -> Bucket:
    """Return a row of ``buckets.sql``."""
    scope, capacity, refill, tokens, refilled_at, inherited, *declared = row
    return record(
        Bucket,
        scope=scope,
        capacity=finite(capacity),
        refill=finite(refill),
        tokens=finite(tokens),
        refilled_at=refilled_at,
        inherited=bool(inherited),
        declared=declared[0] if declared else None,
    )


def _rules_of(row: Sequence[Any]) -> KindRules:
    return record(
        KindRules,
        kind=row[0],
        max_running=row[1],
        max_running_per_key=row[2],
        concurrency_key=row[3],
        rate_limits=decoded(row[4], tuple[str, ...], tuple),
        rate_cost=finite(row[5]),
        events=decoded(row[6], tuple[str, ...], tuple),
    )


def rules_row(rules: KindRules) -> tuple[Any, ...]:
    """Return rules as a row of the kind table."""
    return (
        *(rules.kind, rules.max_running, rules.max_running_per_key, rules.concurrency_key),
        *(msgspec.json.encode(rules.rate_limits).decode(), rules.rate_cost),
        *(msgspec.json.encode(rules.events).decode(), rules.limited, bool(rules.rate_limits)),
    )


def _rules_or_none(rows: Sequence[Sequence[Any]], kind: str) -> KindRules:
    return _rules_of(rows[0]) if rows else KindRules(kind=kind)


def parking_of(unserved: Sequence[Unserved], limit: int) -> list[tuple[str, tuple[object, ...]]]:
    """Return what is to be run to take jobs out of the others' way that nobody will run.

    Those of kinds that nobody knows, out of the claim's; those of kinds with limits that nobody serves at all, out of
    the way of the same kind's jobs in other queues.
    """
    work: list[tuple[str, tuple[object, ...]]] = []
    for item in unserved:
        names = ["park_limited_ready", "park_limited_waiting"]
        names += ["park_unserved"] if item.reason == UNKNOWN_KIND else []
        work += [(name, (item.queue, item.kind, limit)) for name in names]
    return work
