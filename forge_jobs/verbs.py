"""What an operator does to jobs, by id or by filter, in bounded batches; and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from forge_jobs.errors import InvalidValue
from forge_jobs.model.states import DELETABLE, LIVE, RETRYABLE, WAITING, Status
from forge_jobs.storage.records import Batch, JobFilter

BATCH = 500
"""How many jobs an operator's verb changes in one transaction, so that nobody waits long behind it."""

Act = Callable[[JobFilter, int, int], Batch]
Count = Callable[[JobFilter, int], tuple[Mapping[Status, int], int | None]]

TOUCHES: Mapping[str, frozenset[Status]] = {
    "cancel": LIVE,
    "retry": RETRYABLE,
    "delete": DELETABLE,
    "run_now": WAITING,
    "move": WAITING,
    "edit": WAITING,
}
"""The statuses of the jobs that each verb can change."""

_IN_ORDER = (Status.PENDING, Status.IN_PROGRESS, Status.FAILED, Status.DONE, Status.DEAD)
_SHOWN = {Status.IN_PROGRESS: "running", Status.FAILED: "retrying"}
_STAYED = {
    "retry": "another live job holds its unique key",
    "run_now": "it does not wait for its time",
    "move": "it is in that queue already",
    "edit": "it expires before that time",
}


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb did, by job id.

    ``skipped`` stayed as they were: their status is not one that the verb changes, or began to be none meanwhile.
    """

    changed: Sequence[str] = ()
    skipped: Sequence[str] = ()
    not_found: Sequence[str] = ()


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """What a cancel did, by job id.

    ``cancelled`` had not begun and never will; ``requested`` are running and are being stopped.
    """

    cancelled: Sequence[str] = ()
    requested: Sequence[str] = ()
    already_finished: Sequence[str] = ()
    not_found: Sequence[str] = ()


def operate(act: Act, wanted: JobFilter) -> Batch:
    """Do a verb to every job that matches, batch by batch, newest first; return all that was done as one batch."""
    batches = list(_batches(act, wanted))
    return Batch(
        changed=[i for batch in batches for i in batch.changed],
        requested=[i for batch in batches for i in batch.requested],
        skipped=[i for batch in batches for i in batch.skipped],
        missed=[i for batch in batches for i in batch.missed],
    )


def _batches(act: Act, wanted: JobFilter) -> Iterator[Batch]:
    if wanted.ids is not None:
        ids = sorted(set(wanted.ids), reverse=True)  # an id begins with its time
        for first in range(0, len(ids), BATCH):
            yield act(msgspec.structs.replace(wanted, ids=ids[first : first + BATCH]), BATCH, 0)
        return
    cursor: int | None = 0
    while cursor is not None:
        batch = act(wanted, BATCH, cursor)
        yield batch
        cursor = batch.next


def narrowed(verb: str, wanted: JobFilter) -> JobFilter:
    """Return the filter with no other jobs than the verb can change; raise InvalidValue where that leaves none."""
    if wanted.ids is not None:
        return wanted
    touches = [status for status in _IN_ORDER if status in TOUCHES[verb]]
    if wanted.status is None:
        return msgspec.structs.replace(wanted, statuses=touches)
    if wanted.status not in touches:
        raise InvalidValue(
            f"{verb.replace('_', '-')} changes no job that is {wanted.status.value}: "
            f"use one of the statuses {', '.join(touches)}"
        )
    return wanted


def changed_of(batch: Batch, ids: Sequence[str] | None) -> Changed:
    """Return what a verb did to the jobs named, or to all that matched."""
    known = {*batch.changed, *batch.skipped}
    return Changed(
        changed=batch.changed,
        skipped=[*batch.skipped, *batch.missed],
        not_found=[i for i in dict.fromkeys(ids or ()) if i not in known],
    )


def count(count_slice: Count, wanted: JobFilter) -> dict[Status, int]:
    """Return how many jobs match, by status; history is read in slices, each by a call of its own."""
    found: Counter[Status] = Counter()
    cursor: int | None = 0
    while cursor is not None:
        jobs, cursor = count_slice(wanted, cursor)
        found.update(jobs)
    return {status: found[status] for status in _IN_ORDER if found[status]}


def why_skipped(verb: str, status: Status | None) -> str:
    """Return in words why a verb left a job as it is that has this status now; None: it is gone."""
    if status is None:
        return "it is gone"
    if status in TOUCHES[verb]:
        return _STAYED.get(verb, "it was changed meanwhile")
    return f"it is {_SHOWN.get(status, status.value)}"
