"""Choosing what a worker gets of the jobs in line; the same on every kind of database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from forge_jobs.errors import InvalidValue
from forge_jobs.model.limits import Granted, KindRules
from forge_jobs.storage.admission import ENDLESS, Key, Tables, admit, kind_rules
from forge_jobs.storage.claims import Claim, Want

Take = Callable[[KindRules], Granted]
"""Takes the tokens for one start of a job of a kind."""


class Line:
    """The jobs in line of one queue, as one exchange sees them. Kinds whose rate limits have no tokens leave it."""

    def __init__(self, tables: Tables, connection: Any, want: Want, take: Take, limited: Collection[str]) -> None:
        """Look at what is in line; ``limited`` are the kinds that have limits."""
        self._tables = tables
        self._connection = connection
        self._want = want
        self._take = take
        self._rules: dict[str, KindRules] = {}
        self._empty: set[str] = set()
        self._limited = limited
        self._strays: list[Key] = []

    def choose(self, rows: Iterable[Any], payload_of: Callable[[int], bytes]) -> list[Claim]:
        """Return the claims to be made of the first rows of ``claim_candidates.sql``; takes tokens for them."""
        want = self._want
        claims: list[Claim] = []
        cost, size = 0.0, 0
        queue, number = want.queue, want.first_claim_no
        for row in rows:
            (
                seq, job_id, kind, attempts, max_attempts, crashes, payload, time_limit, expires_at, limit_key,
                throttles, trace, since,
            ) = row  # fmt: skip
            if limit_key is not None and kind in self._empty:
                continue
            if payload is None:
                payload = payload_of(seq)
            if limit_key is None and kind in self._limited:
                self._put_under_limits(seq, kind, payload)
                continue
            cost += want.costs.get(kind, float("inf"))
            size += len(payload)
            if claims and (cost > want.budget or size > want.size):
                break
            if limit_key is None or self._may_start(kind):
                claims.append(
                    Claim(
                        seq, job_id, kind, queue, number, attempts + 1, max_attempts, crashes, payload, 0, time_limit,
                        expires_at, limit_key, throttles, trace, since,
                    )
                )  # fmt: skip
                number += 1
        return claims

    def _put_under_limits(self, seq: int, kind: str, payload: bytes) -> None:
        """Let a job wait for a place whose kind has got limits since it was stored."""
        key = self._rules_of(kind).key_of(None, payload)
        self._tables.run(self._connection, "label", (seq, key))
        self._strays.append((kind, key))

    def _rules_of(self, kind: str) -> KindRules:
        if kind not in self._rules:
            self._rules[kind] = kind_rules(self._tables, self._connection, kind)
        return self._rules[kind]

    def _may_start(self, kind: str) -> bool:
        """Take the tokens for one start; note a kind that has none."""
        rules = self._rules_of(kind)
        if not rules.rate_limits:
            return True
        try:
            granted = self._take(rules).number
        except InvalidValue:  # a limit that nobody has declared, or too small a one: ``why`` tells
            granted = 0
        if not granted:
            self._empty.add(kind)
        return bool(granted)

    def close_empty(self) -> bool:
        """Take what cannot start out of the line; return whether there was anything."""
        strays, self._strays = self._strays, []
        if strays:
            admit(self._tables, self._connection, strays)
        for kind in sorted(self._empty):
            self._tables.run(self._connection, "close_kind", (kind, ENDLESS))
        closed = bool(self._empty or strays)
        self._empty.clear()
        return closed


def limited_kinds(tables: Tables, connection: Any) -> frozenset[str]:
    """Return the names of the kinds that have limits."""
    return frozenset(kind for (kind,) in tables.run(connection, "limited_kinds"))
