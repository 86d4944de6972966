"""Giving jobs to a worker, inside the exchange's write transaction."""

from __future__ import annotations

import apsw

from forge_jobs.model.limits import Granted, KindRules
from forge_jobs.storage.choosing import Line
from forge_jobs.storage.claims import Claim, Want
from forge_jobs.storage.sqlite.buckets import take
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.rows import json_text, text


def claim(
    database: Database, connection: apsw.Connection, process_id: int, want: Want, limited: frozenset[str]
) -> list[Claim]:
    """Give the first jobs in line to a process, as far as its wishes and their rate limits go.

    ``limited`` are the kinds that have limits.
    """
    now = database.clock.now()

    def take_tokens(rules: KindRules) -> Granted:
        return take(database, connection, rules.rate_limits, rules.rate_cost)

    line = Line(database, connection, want, take_tokens, limited)
    asked = (want.queue, json_text(want.kinds), want.rows, now)

    def body_of(seq: int) -> bytes:
        found = database.run(connection, "body_of", (seq,))
        return found[0][0] or b"null" if found else b"null"

    def choose() -> list[Claim]:
        rows = database.run(connection, "claim_candidates", asked)
        return line.choose(((row[0], text(row[1]), *row[2:]) for row in rows), body_of)

    claims = choose()
    while line.close_empty() and not claims:  # all that was seen had no tokens: the others are behind it
        claims = choose()
    if claims:
        chosen = json_text([one.key for one in claims])
        database.run(connection, "claim", (process_id, want.first_claim_no, now, chosen))
    return claims
