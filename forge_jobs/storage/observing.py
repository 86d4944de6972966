"""What a transaction does to jobs, noted for the metrics: shared by all kinds of databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from forge_jobs.model.job import NewJob
from forge_jobs.model.metrics import Measure, Observed, measure_at, minute_of
from forge_jobs.model.states import Cause, Status
from forge_jobs.storage.claims import Claim, Ended

TOTAL = 0
"""In place of a minute: all that ever happened. It outlives the minutes."""

Key = tuple[int, str, str]
"""(minute, queue, kind)."""

_COUNTED_AS = {
    Cause.TIMEOUT: "timed_out",
    Cause.OUT_OF_MEMORY: "out_of_memory",
    Cause.CRASHED: "crashed",
    Cause.KILLED: "crashed",
    Cause.LOST: "crashed",
}
_encode = msgspec.json.Encoder().encode
_observed = msgspec.json.Decoder(Observed)
_measure = msgspec.json.Decoder(Measure)
T = TypeVar("T")


def _read(decoder: msgspec.json.Decoder[T], stored: str | bytes, otherwise: Callable[[], T]) -> T:
    """Return what is stored; a row that somebody damaged counts as nothing, and holds up no other."""
    try:
        return decoder.decode(stored)
    except (msgspec.MsgspecError, TypeError, RecursionError):
        return otherwise()


class Observations:
    """What one transaction did, by queue and kind. Filled in the hot path: about a microsecond a job."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Observed] = {}

    def of(self, queue: str, kind: str) -> Observed:
        """Return what was seen of a queue's kind so far."""
        found = self._seen.get((queue, kind))
        if found is None:
            found = self._seen[queue, kind] = Observed()
        return found

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Give (queue, kind, JSON) of what is to be stored."""
        for (queue, kind), observed in self._seen.items():
            yield queue, kind, _encode(observed).decode()

    def enqueued(self, stored: Iterable[NewJob]) -> None:
        """Note jobs that were stored."""
        for (queue, kind), number in Counter((job.queue, job.kind) for job in stored).items():
            self.of(queue, kind).enqueued += number

    def claimed(self, claims: Sequence[Claim]) -> None:
        """Note attempts that begin."""
        for (queue, kind), number in Counter((claim.queue, claim.kind) for claim in claims).items():
            self.of(queue, kind).claimed += number

    def succeeded(self, ends: Sequence[Ended]) -> None:
        """Note successes that know their kind and since when they might have started."""
        by_kind: dict[tuple[str, str], list[Ended]] = {}
        for end in ends:
            by_kind.setdefault((end.queue, end.kind), []).append(end)
        for (queue, kind), those in by_kind.items():
            seen = self.of(queue, kind)
            seen.done += len(those)
            times = [(end.since, end.started_at, end.finished_at) for end in those if end.started_at is not None]
            seen.waits += [started_at - (since or started_at) for since, started_at, _ in times]
            seen.runs += [finished_at - started_at for _, started_at, finished_at in times]
            seen.cpu += sum(end.cpu_time or 0 for end in those)

    def done(self, end: Ended, kind: str, since: int) -> None:
        """Note a success; ``since`` is the instant from which on the attempt might have started."""
        seen = self.of(end.queue, kind)
        seen.done += 1
        _time(seen, end, since)

    def given_back(self, queue: str, kind: str) -> None:
        """Note a claim that was never started."""
        self.of(queue, kind).unstarted += 1

    def ended(self, end: Ended, kind: str, since: int) -> None:
        """Note any other end of a claim."""
        seen = self.of(end.queue, kind)
        if end.never_started:
            seen.unstarted += 1
        else:
            _time(seen, end, since)
            seen.put_back += end.status is Status.PENDING
        if end.status is Status.PENDING:
            return
        cause = end.error.cause if end.error else Cause.ERROR
        if end.status is Status.DEAD:
            seen.dead += 1
        else:
            seen.retried += 1
        if cause is Cause.CANCELLED:
            seen.cancelled += 1
            return
        seen.failed += 1
        if name := _COUNTED_AS.get(cause):
            setattr(seen, name, getattr(seen, name) + 1)

    def dropped(self, queue: str, kind: str, cause: Cause) -> None:
        """Note a waiting job that ended dead, ``cancelled`` or ``expired``."""
        seen = self.of(queue, kind)
        seen.dead += 1
        setattr(seen, cause.value, getattr(seen, cause.value) + 1)


def _time(seen: Observed, end: Ended, since: int) -> None:
    if end.started_at is not None:
        seen.waits.append(end.started_at - since)
        seen.runs.append(end.finished_at - end.started_at)
        if end.cpu_time:
            seen.cpu += end.cpu_time


def folded(rows: Iterable[tuple[int, str, str, str | bytes]]) -> dict[Key, Measure]:
    """Return observations, as (instant, queue, kind, JSON), by minute, and all of them as ``TOTAL``, in order."""
    measures: dict[Key, Measure] = {}
    for at, queue, kind, entry in rows:
        measure_at(measures, (minute_of(at), queue, kind)).take(_read(_observed, entry, Observed))
    totals: dict[Key, Measure] = {}
    for (_minute, queue, kind), measure in measures.items():
        measure_at(totals, (TOTAL, queue, kind)).merge(measure)
    return dict(sorted((measures | totals).items(), key=_place))


def merged(measure: Measure, stored: str | bytes | None) -> str:
    """Return the JSON of a measure together with what is stored already."""
    if stored is not None:
        measure.merge(_read(_measure, stored, Measure))
    return _encode(measure).decode()


def summed(rows: Iterable[tuple[int, str, str, str | bytes]], new: dict[Key, Measure], step: int) -> dict[Key, Measure]:
    """Return stored minutes, as (minute, queue, kind, JSON), and observations that are not among them yet.

    Each stands under the beginning of its stretch of ``step`` microseconds (0: all in one, under 0).
    """
    measures: dict[Key, Measure] = {}
    for minute, queue, kind, entry in rows:
        measure_at(measures, (_stretch(minute, step), queue, kind)).merge(_read(_measure, entry, Measure))
    for (minute, queue, kind), measure in new.items():
        measure_at(measures, (_stretch(minute, step), queue, kind)).merge(measure)
    return dict(sorted(measures.items(), key=_place))


def _place(item: tuple[Key, Measure]) -> tuple[int, str, str]:
    (minute, queue, kind), _measure = item
    return minute, str(queue), str(kind)  # a hand may have written a name that is no text


def _stretch(minute: int, step: int) -> int:
    return minute - minute % step if step else 0
