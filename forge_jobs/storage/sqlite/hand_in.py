"""Recording ends, inside the caller's write transaction. Every statement names the claim it is about: the fence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import apsw
import msgspec

from forge_jobs.model.job import ERROR_HISTORY_LIMIT, ErrorEntry
from forge_jobs.model.states import Cause, Gate, Status
from forge_jobs.model.stops import CANCELLED
from forge_jobs.storage.admission import admit, kind_rules
from forge_jobs.storage.announcing import End
from forge_jobs.storage.claims import Ended
from forge_jobs.storage.noting import Noted, Tally
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.announcing import announce
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.metrics import add_observed
from forge_jobs.storage.sqlite.rows import INLINE_BYTES, json_text


class HandedIn(NamedTuple):
    """The claim numbers that were refused, and how many jobs became ready by it, by queue: for places, and events."""

    refused: list[int]
    ready: Counter[str]


class NotAllOurs(Exception):
    """Some ends are not to be recorded: the claims are others', or they have been recorded before."""


def is_plain(end: Ended, limited: Collection[str]) -> bool:
    """Return whether all that a success changes is its row: no places of limits, no event, no large result."""
    return (
        end.status is Status.DONE
        and end.since is not None
        and not (end.limited or end.heard or end.kind in limited)
        and len(end.result or b"") <= INLINE_BYTES
    )


def hand_in_plain(connection: apsw.Connection, done: Sequence[Ended], host_id: str, seen: Observations) -> None:
    """Record plain successes: the rows are not looked at, only counted. Raises NotAllOurs."""
    if not done:
        return
    before = connection.total_changes()
    connection.executemany(statement("sqlite", "hand_in_plain"), map(_done_row, done))
    if connection.total_changes() - before != len(done):
        raise NotAllOurs
    seen.succeeded(done)
    add_tallies(connection, host_id, Counter((end.queue, "done") for end in done))


def hand_in(database: Database, connection: apsw.Connection, ended: Sequence[Ended], host_id: str | None) -> HandedIn:
    """Record ends, tally them and note them for the metrics; give the places that became free to others."""
    seen = Observations()
    handed_in = hand_in_seen(database, connection, ended, host_id, seen)
    add_observed(connection, database.clock.now(), seen)
    return handed_in


def hand_in_seen(
    database: Database, connection: apsw.Connection, ended: Sequence[Ended], host_id: str | None, seen: Observations
) -> HandedIn:
    """Do as ``hand_in``, and let the caller store what was ``seen``."""
    if not ended:
        return HandedIn([], Counter())
    noted = Noted(seen)
    refused = _hand_in_done(database, connection, [e for e in ended if e.status is Status.DONE], noted)
    back = _give_back(connection, [end for end in ended if end.is_give_back], noted)
    for end in ended:
        if end.status is Status.DONE or end.key in back:
            continue
        if not _hand_in_other(database, connection, end, noted):
            refused.append(end.claim_no)
    add_tallies(connection, host_id, noted.tally)
    return HandedIn(refused, admit(database, connection, noted.freed) + announce(database, connection, noted.told))


def add_tallies(connection: apsw.Connection, host_id: str | None, tally: Tally) -> None:
    """Note by how much the numbers of ended jobs changed."""
    rows = [(host_id, queue, outcome, change) for (queue, outcome), change in tally.items() if change]
    connection.executemany(statement("sqlite", "add_tally"), rows)


def add_error(database: Database, connection: apsw.Connection, key: int, entry: ErrorEntry) -> None:
    """Add a line to a job's error history, which keeps its newest lines only."""
    database.run(connection, "add_error", (key, json_text(entry)))
    database.run(connection, "trim_errors", (key, ERROR_HISTORY_LIMIT))


def _hand_in_done(database: Database, connection: apsw.Connection, done: list[Ended], noted: Noted) -> list[int]:
    accepted = {}
    for row in connection.executemany(statement("sqlite", "hand_in_done"), map(_done_row, done)):
        key, kind, limit_key, since = row
        accepted[key] = (kind, since)
        noted.free(kind, limit_key)
    refused = []
    for end in done:
        if end.key in accepted:
            noted.tally[end.queue, "done"] += 1
            noted.seen.done(end, *accepted[end.key])
            if end.result is not None and len(end.result) > INLINE_BYTES:
                database.run(connection, "body_result", (end.key, end.result.decode()))
            if end.heard:
                state = _state(database, connection, end)
                noted.told.append(End(end.id, state.kind, end.queue, state.attempt, end.status, end.finished_at))
        elif _state(database, connection, end).status is not Status.DONE:
            refused.append(end.claim_no)
    return refused


def _give_back(connection: apsw.Connection, ended: Sequence[Ended], noted: Noted) -> set[int]:
    """Give claims back that were never started; return the keys of those for which that was all."""
    queues = {end.key: end.queue for end in ended}
    rows = [(end.crashes, end.key, end.process_id, end.claim_no) for end in ended]
    given: list[tuple[int, str, str | None]] = [*connection.executemany(statement("sqlite", "give_back"), rows)]
    for key, kind, limit_key in given:
        noted.give_back(queues[key], kind, limit_key)
    return {key for key, _kind, _limit_key in given}


def _done_row(end: Ended) -> tuple[object, ...]:
    result = None if end.result is None or len(end.result) > INLINE_BYTES else end.result.decode()
    return (result, end.started_at, end.finished_at, *_used(end), end.key, end.process_id, end.claim_no)


def _used(end: Ended) -> tuple[int | None, int | None]:
    return (end.cpu_time, end.peak_memory)


def _hand_in_other(database: Database, connection: apsw.Connection, end: Ended, noted: Noted) -> bool:
    state = _state(database, connection, end)
    if state.status is not Status.IN_PROGRESS:
        return state.status in (end.status, Status.DEAD)  # dead: it was to be cancelled when its end was recorded
    if state.cancel_requested and end.status is not Status.DEAD:
        end = _cancelled(end, state.attempt)
    fence = (end.key, end.process_id, end.claim_no)
    if end.status is Status.DEAD:
        values = (int(end.attempt_back), end.crashes, end.started_at, end.finished_at)
        database.run(connection, "hand_in_dead", (*values, *_used(end), *fence))
        noted.tally[end.queue, "dead"] += 1
    else:
        gate = Gate.READY if (end.scheduled_at or 0) <= end.finished_at else Gate.WAITING
        keeps = (
            state.limit_key is not None and not end.lets_go and kind_rules(database, connection, state.kind).in_order
        )
        place = (end.status.value, int(gate), end.scheduled_at, int(end.attempt_back), end.crashes, end.started_at)
        database.run(connection, "hand_in_waiting", (*place, *_used(end), int(end.throttled), int(keeps), *fence))
        if end.throttled:
            database.run(connection, "cool_down", (end.scheduled_at, end.queue, end.finished_at))
        noted.tally[end.queue, "failed"] += end.status is Status.FAILED
    noted.seen.ended(end, state.kind, state.since)
    if end.error is not None:
        add_error(database, connection, end.key, end.error)
        noted.told.append(End(end.id, state.kind, end.queue, end.error.attempt, end.status, end.finished_at, end.error))
    noted.free(state.kind, state.limit_key)
    return True


def is_running(database: Database, connection: apsw.Connection, end: Ended) -> bool:
    """Return whether a claim has not ended yet, and is nobody else's."""
    return _state(database, connection, end).status is Status.IN_PROGRESS


class _State(NamedTuple):
    """What the named claim's row says now; ``status`` is None where the claim is another's.

    ``since`` is the instant from which on the attempt might have started.
    """

    status: Status | None
    cancel_requested: bool = False
    attempt: int = 0
    kind: str = ""
    limit_key: str | None = None
    since: int = 0


def _state(database: Database, connection: apsw.Connection, end: Ended) -> _State:
    rows = database.run(connection, "claim_state", (end.key, end.process_id, end.claim_no))
    if not rows:
        return _State(None)
    status, cancel_requested_at, attempt, kind, limit_key, since = rows[0]
    return _State(Status(status), cancel_requested_at is not None, attempt, kind, limit_key, since)


def _cancelled(end: Ended, attempt: int) -> Ended:
    """Return the end of a job that somebody wanted stopped: it is not tried again."""
    told = "cancelled before it ran" if end.never_started else CANCELLED
    if end.error:
        entry = msgspec.structs.replace(
            end.error, cause=Cause.CANCELLED, message=f"{told}; it had ended so: {end.error.message}"
        )
    else:
        entry = ErrorEntry(at=end.finished_at, attempt=attempt, cause=Cause.CANCELLED, message=told)
    return msgspec.structs.replace(
        end, status=Status.DEAD, error=entry, scheduled_at=None, attempt_back=end.never_started
    )
