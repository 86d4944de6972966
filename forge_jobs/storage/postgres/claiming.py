"""Giving jobs to a worker one after the other, where jobs of kinds with rate limits are in line."""

from __future__ import annotations

from typing import Any

import psycopg

from forge_jobs.model.limits import Granted, KindRules
from forge_jobs.storage.admission import all_rules
from forge_jobs.storage.choosing import Line, limited_kinds
from forge_jobs.storage.claims import Claim, Want
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.buckets import take
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.metrics import add_observed


def claim(database: Database, connection: psycopg.Connection[Any], process_id: int, want: Want) -> list[Claim]:
    """Give the first jobs in line to a process, as far as its wishes and their rate limits go."""
    now = database.clock.now()

    def take_tokens(rules: KindRules) -> Granted:
        return take(database, connection, rules.rate_limits, rules.rate_cost)

    line = Line(database, connection, want, take_tokens, limited_kinds(database, connection))
    scopes = {scope for rules in all_rules(database, connection).values() for scope in rules.rate_limits}
    database.run(connection, "lock_buckets", (sorted(scopes),))  # of all kinds: their jobs stand in line as they like
    asked = (want.queue, list(want.kinds), want.rows, instant(now))

    def choose() -> list[Claim]:
        return line.choose(database.run(connection, "claim_candidates", asked), lambda _seq: b"null")

    claims = choose()
    while line.close_empty() and not claims:  # all that was seen had no tokens: the others are behind it
        claims = choose()
    database.many(connection, "claim", [(process_id, one.claim_no, instant(now), one.key) for one in claims])
    seen = Observations()
    seen.claimed(claims)
    add_observed(database, connection, now, seen)
    return claims
