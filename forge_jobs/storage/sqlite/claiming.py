"""Giving jobs to a worker, inside the exchange's write transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apsw

from forge_jobs.model.limits import Granted, KindRules
from forge_jobs.model.names import INSTANTS
from forge_jobs.storage.choosing import Line
from forge_jobs.storage.claims import Claim, Want
from forge_jobs.storage.sqlite.buckets import take
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.quarantine import bury
from forge_jobs.storage.sqlite.rows import json_text, text

_MOST = 10**6
"""No program counts further: attempts, crashes in a row, throttles."""


def claim(
    database: Database, connection: apsw.Connection, process_id: int, want: Want, limited: frozenset[str]
) -> list[Claim]:
    """Give the first jobs in line to a process, as far as its wishes and their rate limits go.

    ``limited`` are the kinds that have limits. Damaged rows end dead: they hold up nobody.
    """
    now = database.clock.now()

    def take_tokens(rules: KindRules) -> Granted:
        return take(database, connection, rules.rate_limits, rules.rate_cost)

    line = Line(database, connection, want, take_tokens, limited)
    asked = (want.queue, json_text(want.kinds), want.rows, now)
    damaged: list[int] = []

    def body_of(seq: int) -> bytes:
        found = database.run(connection, "body_of", (seq,))
        return found[0][0] or b"null" if found else b"null"

    def choose() -> list[Claim]:
        return line.choose(_sound(database.run(connection, "claim_candidates", asked), damaged), body_of)

    def clear_line() -> bool:
        bury(database, connection, damaged)
        buried = bool(damaged)
        damaged.clear()
        return line.close_empty() or buried

    claims = choose()
    while clear_line() and not claims:  # all that was seen had no tokens, or was no job: the others are behind it
        claims = choose()
    if claims:
        chosen = json_text([one.key for one in claims])
        database.run(connection, "claim", (process_id, want.first_claim_no, now, chosen))
    return claims


def _sound(rows: Iterable[Any], damaged: list[int]) -> Iterator[Any]:
    """Give the rows of ``claim_candidates.sql`` of which a claim can be made; note the keys of others.

    SQLite keeps any type in any column, and a hand can get past every CHECK.
    """
    for row in rows:
        (
            seq, job_id, kind, attempts, max_attempts, crashes, payload, time_limit, expires_at, limit_key, throttles,
            trace, since,
        ) = row  # fmt: skip
        try:
            sound = (
                0 <= attempts <= _MOST and 0 < max_attempts <= _MOST and 0 <= crashes <= _MOST
                and 0 <= throttles <= _MOST and (time_limit or 1) > 0 and 0 <= since < INSTANTS.stop
                and (expires_at is None or type(expires_at) is int)
                and type(attempts + max_attempts + crashes + throttles + since + (time_limit or 0)) is int
                and len(job_id) == 16
            ) and (
                seq, text(job_id), kind, attempts, max_attempts, crashes, payload, time_limit, expires_at,
                None if limit_key is None else limit_key.decode(), throttles,
                None if trace is None else trace.decode(), since,
            )  # fmt: skip
        except (ValueError, TypeError, AttributeError):
            sound = False
        if sound:
            yield sound
        else:
            damaged.append(seq)
