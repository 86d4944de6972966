"""Giving jobs to a worker, inside the exchange's write transaction."""

from __future__ import annotations

from typing import Annotated, Any

import apsw
import msgspec

from forge_jobs.model.limits import Granted, KindRules
from forge_jobs.model.names import INSTANTS
from forge_jobs.storage.choosing import Line
from forge_jobs.storage.claims import Claim, Want
from forge_jobs.storage.sqlite.buckets import take
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.quarantine import bury
from forge_jobs.storage.sqlite.rows import json_text, text

_Id = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
_Instant = Annotated[int, msgspec.Meta(ge=0, lt=INSTANTS.stop)]
_Some = Annotated[int, msgspec.Meta(gt=0)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=10**6)]
"""No program counts further: attempts, crashes in a row, throttles."""

_Attempts = Annotated[int, msgspec.Meta(gt=0, le=10**6)]
_Row = tuple[
    int, _Id, str, _Count, _Attempts, _Count, bytes | None, _Some | None, int | None, str | None, _Count, str | None,
    _Instant,
]  # fmt: skip
"""What ``claim_candidates.sql`` gives."""


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
        rows = _sound(database.run(connection, "claim_candidates", asked), damaged)
        return line.choose(((row[0], text(row[1]), *row[2:]) for row in rows), body_of)

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


def _sound(rows: list[Any], damaged: list[int]) -> list[Any]:
    """Return the rows of ``claim_candidates.sql`` of which a claim can be made; note the keys of others.

    SQLite keeps any type in any column, and a hand can get past every CHECK. All are checked at once: to look at each
    here would cost a tenth of a small job.
    """
    try:
        return msgspec.convert(rows, list[_Row])
    except msgspec.ValidationError:
        damaged += [row[0] for row in rows if not _is_sound(row)]
        return [row for row in rows if row[0] not in damaged]


def _is_sound(row: Any) -> bool:
    try:
        msgspec.convert(row, _Row)
    except msgspec.ValidationError:
        return False
    return True
