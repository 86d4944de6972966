"""Schedules: what fires when, which missed times are caught up, and how late a fire may be spread."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import InvalidValue
from forge_jobs.model.job import DEFAULT_MAX_ATTEMPTS, NewJob
from forge_jobs.model.names import checked_attempts, checked_delay, checked_kind, checked_priority, checked_queue
from forge_jobs.model.queue import DEFAULT_QUEUE
from forge_jobs.model.schedule import Cron, cron_of
from forge_jobs.showing import quoted

CATCH_UP = 100
"""How many missed times of one schedule are looked at, the newest ones: those before are forgotten."""

KEPT_FIRES = 100
"""How many fires of one schedule are remembered."""

MISSED_AFTER = 60 * MICROSECONDS
"""With ``misfire="skip"``, a time that is further back was missed."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,199}")
_E = TypeVar("_E", bound=StrEnum)


class Overlap(StrEnum):
    """What a fire does while the job of an earlier one is live."""

    SKIP = "skip"
    ALLOW = "allow"


class Misfire(StrEnum):
    """What becomes of times at which nobody led: one fire for the latest, none, or all."""

    ONE = "one"
    SKIP = "skip"
    ALL = "all"


class Outcome(StrEnum):
    """Whether a fire made a job."""

    FIRED = "fired"
    SKIPPED = "skipped"


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a schedule, by code or by an operator. ``payload`` is JSON text, ``jitter`` seconds."""

    name: str
    kind: str
    expression: str
    timezone: str = "UTC"
    payload: bytes = b"{}"
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    overlap: Overlap = Overlap.SKIP
    misfire: Misfire = Misfire.ONE
    jitter: float = 0.0

    @property
    def cron(self) -> Cron:
        """The expression, read; raises InvalidValue where a row was written by hand."""
        return cron_of(self.expression, self.timezone)

    @property
    def unique_key(self) -> str | None:
        """The key that its jobs hold while they are live, so that one of them is at a time."""
        return f"schedule:{self.name}" if self.overlap is Overlap.SKIP else None

    def digest(self) -> str:
        """Return a checksum over all that is said and is not the default: an option that is new changes no digest."""
        said = {f: value for f in Schedule.__struct_fields__ if (value := getattr(self, f)) != _DEFAULTS.get(f)}
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Schedule)}


class ScheduleRecord(Schedule, frozen=True, kw_only=True):
    """A schedule as it stands in the database. Instants are microseconds since the epoch.

    ``declared`` is the digest of what code last said, None where none did. ``updated_at`` rises with every change but
    those that firing makes. ``damage`` says what of its row cannot be read: then it does not fire.
    """

    enabled: bool = True
    declared: str | None = None
    next_fire_at: int | None = None
    last_fire_at: int | None = None
    last_error: str | None = None
    created_at: int
    updated_at: int
    damage: str | None = None

    @property
    def cron(self) -> Cron:
        """The expression, read; raises InvalidValue where a hand has damaged the row."""
        if self.damage is not None:
            raise InvalidValue(self.damage)
        return super().cron


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """One time of a schedule that has come.

    ``job_id`` is the job that it made; where it was skipped, the live one that was in its way, or None for a time
    that was missed.
    """

    fire_at: int
    outcome: Outcome
    job_id: str | None = None


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be stored in one transaction, if the schedule still stands as it was seen.

    ``times`` has, in order, each time that has come and the job that it makes, None for one that is skipped.
    """

    seen: ScheduleRecord
    times: Sequence[tuple[int, NewJob | None]]
    next_fire_at: int | None


def times_due(record: ScheduleRecord, now: int) -> tuple[list[int], set[int], int | None]:
    """Return the times that have come (the newest ``CATCH_UP``), those of them that make a job, and the next one.

    The next one follows from these times and not from the clock, so it is always later than all that have fired.
    """
    assert record.next_fire_at is not None
    cron = record.cron
    times = cron.newest(max(record.next_fire_at - 1, record.last_fire_at or 0), now, CATCH_UP)
    match record.misfire:
        case Misfire.ALL:
            making = set(times)
        case Misfire.SKIP:
            making = {time for time in times if now - time <= MISSED_AFTER}
        case Misfire.ONE:
            making = set(times[-1:])
    return times, making, cron.next_after(times[-1] if times else now)


def first_fire(schedule: ScheduleRecord, now: int) -> int | None:
    """Return when a schedule that is new, changed or enabled again fires next: after now, and after its last fire."""
    return schedule.cron.next_after(max(now, schedule.last_fire_at or 0))


def delay_of(name: str, fire_at: int, jitter: float) -> int:
    """Return how many microseconds after its time a job may run: in [0, jitter), the same for all who ask."""
    drawn = int.from_bytes(hashlib.sha256(f"{name} {fire_at}".encode()).digest()[:8])
    return drawn * round(checked_delay(jitter, "jitter") * MICROSECONDS) >> 64


def checked_name(name: str) -> str:
    """Return ``name`` if it can name a schedule; raise InvalidValue."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidValue(
            f"schedule name {quoted(name)} is not valid: use 1 to 200 letters, digits, '_', '.', ':', '/' or '-'"
        )
    return name


def checked_schedule(said: Schedule) -> Schedule:
    """Return a schedule if every value is valid and its expression fires; raise InvalidValue."""
    return msgspec.structs.replace(
        said,
        name=checked_name(said.name),
        kind=checked_kind(said.kind),
        expression=Cron(said.expression, said.timezone).expression,
        queue=checked_queue(said.queue),
        priority=checked_priority(said.priority),
        max_attempts=checked_attempts(said.max_attempts),
        overlap=_one_of(Overlap, said.overlap, "overlap"),
        misfire=_one_of(Misfire, said.misfire, "misfire"),
        jitter=checked_delay(said.jitter, "jitter"),
    )


def _one_of(choices: type[_E], value: Any, what: str) -> _E:
    if not isinstance(value, str) or value not in set(choices):
        raise InvalidValue(f"{what} {quoted(value)} is not one of {', '.join(choices)}")
    return choices(value)
