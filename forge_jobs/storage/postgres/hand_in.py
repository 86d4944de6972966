"""Recording ends, inside the caller's write transaction. Every statement names the claim it is about: the fence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from forge_jobs.model.job import ERROR_HISTORY_LIMIT, ErrorEntry
from forge_jobs.model.states import Cause, Gate, Status
from forge_jobs.storage.admission import admit, kind_rules
from forge_jobs.storage.announcing import End
from forge_jobs.storage.claims import Ended
from forge_jobs.storage.noting import Noted, Tally
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.postgres.adapting import Instants, JsonTexts, Numbers, instant
from forge_jobs.storage.postgres.announcing import announce
from forge_jobs.storage.postgres.database import Connection, Database
from forge_jobs.storage.postgres.metrics import add_observed
from forge_jobs.storage.postgres.rows import json_text


class HandedIn(NamedTuple):
    """The claim numbers that were refused, and how many jobs became ready by it, by queue: for places, and events."""

    refused: list[int]
    ready: Counter[str]


def hand_in(database: Database, connection: Connection, ended: Sequence[Ended], host_id: str | None) -> HandedIn:
    """Record ends and tally them; give the places that became free to others."""
    if not ended:
        return HandedIn([], Counter())
    if len(ended) > 1:  # everybody locks rows in the order of their keys
        database.run(connection, "lock_jobs", ([end.key for end in ended],))
    noted = Noted(Observations())
    done = [end for end in ended if end.status is Status.DONE]
    refused: list[int] = []
    for process_id in {end.process_id for end in done}:
        own = [end for end in done if end.process_id == process_id]
        refused += _hand_in_done(database, connection, own, host_id, noted)
    back: set[int] = set()
    for process_id in {end.process_id for end in ended if end.is_give_back}:
        own = [end for end in ended if end.process_id == process_id and end.is_give_back]
        back |= _give_back(database, connection, own, noted)
    others = [end for end in ended if end.status is not Status.DONE and end.key not in back]
    states = states_of(database, connection, others)
    for end in sorted(others, key=lambda end: end.key):  # everybody locks rows in this order
        if not _hand_in_other(database, connection, end, states.get(end.key, _NOT_OURS), noted):
            refused.append(end.claim_no)
    add_tallies(database, connection, host_id, noted.tally)
    add_observed(database, connection, database.clock.now(), noted.seen)
    return HandedIn(refused, admit(database, connection, noted.freed) + announce(database, connection, noted.told))


def _hand_in_done(
    database: Database, connection: Connection, own: Sequence[Ended], host_id: str | None, noted: Noted
) -> list[int]:
    """Record successes of one process."""
    rows = database.run(connection, "hand_in_done", (own[0].process_id, *done_columns(own), host_id))
    accepted = {key: (kind, since) for key, kind, _limit_key, since in rows}
    for _key, kind, limit_key, _since in rows:
        noted.free(kind, limit_key)
    for end in own:
        if end.key in accepted:
            noted.seen.done(end, *accepted[end.key])
    noted.told += _heard(database, connection, [end for end in own if end.heard and end.key in accepted])
    return refused_of(database, connection, own, list(accepted))


def _give_back(database: Database, connection: Connection, own: Sequence[Ended], noted: Noted) -> set[int]:
    """Give claims of one process back that were never started; return the keys of those for which that was all."""
    queues = {end.key: end.queue for end in own}
    columns = ([end.key for end in own], [end.claim_no for end in own], [end.crashes for end in own])
    given = database.run(connection, "give_back", (own[0].process_id, *map(Numbers, columns)))
    for key, kind, limit_key in given:
        noted.give_back(queues[key], kind, limit_key)
    return {key for key, _kind, _limit_key in given}


def add_tallies(database: Database, connection: Connection, host_id: str | None, tally: Tally) -> None:
    """Note by how much the numbers of ended jobs changed."""
    rows = [(host_id, queue, outcome, change) for (queue, outcome), change in tally.items() if change]
    database.many(connection, "add_tally", rows)


def add_errors(database: Database, connection: Connection, errors: Sequence[tuple[int, ErrorEntry]]) -> None:
    """Add a line to the error history of each job, by key, which keeps its newest lines only."""
    database.many(connection, "add_error", [(key, json_text(entry)) for key, entry in errors])
    database.many(connection, "trim_errors", [(key, ERROR_HISTORY_LIMIT) for key, _entry in errors])


def done_columns(done: Sequence[Ended]) -> tuple[object, ...]:
    """Return successes as parameters, in the order of their keys: one for each column, none where there are none."""
    if not done:
        return (None,) * 7
    ordered = sorted(done, key=lambda end: end.key)
    return (
        Numbers([end.key for end in ordered]),
        Numbers([end.claim_no for end in ordered]),
        JsonTexts([end.result for end in ordered]),
        Instants([end.started_at for end in ordered]),
        Instants([end.finished_at for end in ordered]),
        Numbers([end.cpu_time for end in ordered]),
        Numbers([end.peak_memory for end in ordered]),
    )


def refused_of(database: Database, connection: Connection, done: Sequence[Ended], recorded: Sequence[int]) -> list[int]:
    """Return the claim numbers of successes that were not recorded, and had not been before either."""
    late = [] if len(recorded) == len(done) else [end for end in done if end.key not in set(recorded)]
    states = states_of(database, connection, late)
    return [end.claim_no for end in late if states.get(end.key, _NOT_OURS).status is not Status.DONE]


def _heard(database: Database, connection: Connection, done: Sequence[Ended]) -> list[End]:
    """Return what is to be told of successes that were just recorded."""
    states = states_of(database, connection, done)
    told = [(end, states.get(end.key, _NOT_OURS)) for end in done]
    return [End(end.id, state.kind, end.queue, state.attempt, end.status, end.finished_at) for end, state in told]


def _used(end: Ended) -> tuple[int | None, int | None]:
    return (end.cpu_time, end.peak_memory)


def _hand_in_other(database: Database, connection: Connection, end: Ended, state: _State, noted: Noted) -> bool:
    if state.status is not Status.IN_PROGRESS:
        return state.status in (end.status, Status.DEAD)  # dead: it was to be cancelled when its end was recorded
    if state.cancel_requested and end.status is not Status.DEAD:
        end = _cancelled(end, state.attempt)
    fence = (end.key, end.process_id, end.claim_no)
    if end.status is Status.DEAD:
        values = (int(end.attempt_back), end.crashes, instant(end.started_at), instant(end.finished_at))
        database.run(connection, "hand_in_dead", (*values, *_used(end), *fence))
        noted.tally[end.queue, "dead"] += 1
    else:
        gate = Gate.READY if (end.scheduled_at or 0) <= end.finished_at else Gate.WAITING
        due = instant(end.scheduled_at)
        place = (end.status.value, int(gate), due, int(end.attempt_back), end.crashes, instant(end.started_at))
        may_keep = state.limit_key is not None and not end.lets_go
        keeps = may_keep and kind_rules(database, connection, state.kind).in_order
        database.run(connection, "hand_in_waiting", (*place, *_used(end), int(end.throttled), keeps, *fence))
        if end.throttled:
            database.run(connection, "cool_down", (due, end.queue, instant(end.finished_at)))
        noted.tally[end.queue, "failed"] += end.status is Status.FAILED
    noted.seen.ended(end, state.kind, state.since)
    if end.error is not None:
        add_errors(database, connection, [(end.key, end.error)])
        noted.told.append(End(end.id, state.kind, end.queue, end.error.attempt, end.status, end.finished_at, end.error))
    noted.free(state.kind, state.limit_key)
    return True


class _State(NamedTuple):
    """What a claim's row says now; ``status`` is None where the claim is another's.

    ``since`` is the instant from which on the attempt might have started.
    """

    status: Status | None
    cancel_requested: bool = False
    attempt: int = 0
    kind: str = ""
    limit_key: str | None = None
    since: int = 0


_NOT_OURS = _State(None)


def is_running(database: Database, connection: Connection, end: Ended) -> bool:
    """Return whether a claim has not ended yet, and is nobody else's."""
    return states_of(database, connection, [end]).get(end.key, _NOT_OURS).status is Status.IN_PROGRESS


def states_of(database: Database, connection: Connection, ended: Sequence[Ended]) -> dict[int, _State]:
    """Return, by key, what the rows of the named claims say now; those of claims that are another's are missing."""
    if not ended:
        return {}
    claims = ([end.key for end in ended], [end.process_id for end in ended], [end.claim_no for end in ended])
    rows = database.run(connection, "claim_states", [*map(Numbers, claims)])
    return {
        key: _State(Status(status), cancel_requested_at is not None, attempt, kind, limit_key, since)
        for key, status, cancel_requested_at, attempt, kind, limit_key, since in rows
    }


def _cancelled(end: Ended, attempt: int) -> Ended:
    """Return the end of a job that somebody wanted stopped: it is not tried again."""
    told = "cancelled before it ran" if end.never_started else "cancelled while it was running"
    if end.error:
        entry = msgspec.structs.replace(
            end.error, cause=Cause.CANCELLED, message=f"{told}; it had ended so: {end.error.message}"
        )
    else:
        entry = ErrorEntry(at=end.finished_at, attempt=attempt, cause=Cause.CANCELLED, message=told)
    return msgspec.structs.replace(
        end, status=Status.DEAD, error=entry, scheduled_at=None, attempt_back=end.never_started
    )
