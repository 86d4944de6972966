"""The life of a job as one table.

Everything that decides which status may follow which lives here and nowhere else: the SQL ``CHECK``s are tested
against it and the diagram in ``docs/states.md`` is drawn from it.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Status(StrEnum):
    """What a job is, as stored. ``failed`` means: waiting for its next attempt."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    FAILED = "failed"
    DEAD = "dead"


class Event(StrEnum):
    """Everything that can happen to a job."""

    ENQUEUE = "enqueue"
    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    GIVE_UP = "give up"
    GIVE_BACK = "give back"
    CANCEL = "cancel"
    EXPIRE = "expire"
    OPERATOR_RETRY = "operator's retry"
    DELETE = "delete"


class Cause(StrEnum):
    """Why an attempt did not end well."""

    ERROR = "error"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    KILLED = "killed"
    LOST = "lost"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    THROTTLED = "throttled"


class Gate(IntEnum):
    """Whether a job that waits may be claimed; stored only while it waits."""

    READY = 0
    WAITING = 1  # for its time
    FOR_KEY = 2  # waits for a place of its concurrency key
    PAUSED = 3
    UNSERVED = 4  # no live worker knows its kind
    FOR_KIND = 5  # waits for a place of its kind, or for tokens of its rate limits


TRANSITIONS: dict[tuple[Status | None, Event], Status | None] = {
    (None, Event.ENQUEUE): Status.PENDING,
    (Status.PENDING, Event.CLAIM): Status.IN_PROGRESS,
    (Status.FAILED, Event.CLAIM): Status.IN_PROGRESS,
    (Status.IN_PROGRESS, Event.SUCCEED): Status.DONE,
    (Status.IN_PROGRESS, Event.FAIL): Status.FAILED,
    (Status.IN_PROGRESS, Event.GIVE_UP): Status.DEAD,
    (Status.IN_PROGRESS, Event.GIVE_BACK): Status.PENDING,
    (Status.IN_PROGRESS, Event.CANCEL): Status.DEAD,
    (Status.PENDING, Event.CANCEL): Status.DEAD,
    (Status.FAILED, Event.CANCEL): Status.DEAD,
    (Status.PENDING, Event.EXPIRE): Status.DEAD,
    (Status.FAILED, Event.EXPIRE): Status.DEAD,
    (Status.FAILED, Event.OPERATOR_RETRY): Status.PENDING,
    (Status.DEAD, Event.OPERATOR_RETRY): Status.PENDING,
    (Status.PENDING, Event.DELETE): None,
    (Status.FAILED, Event.DELETE): None,
    (Status.DONE, Event.DELETE): None,
    (Status.DEAD, Event.DELETE): None,
}
"""(status, event) → the status after it; ``None`` is "no such row"."""

LIVE = frozenset({Status.PENDING, Status.IN_PROGRESS, Status.FAILED})
"""A unique key is held while its job is in one of these."""

WAITING = frozenset({Status.PENDING, Status.FAILED})
"""A worker may claim, and an operator may cancel at once, a job in one of these."""

FINISHED = frozenset({Status.DONE, Status.DEAD})
"""Nothing happens to a job in one of these by itself, save retention."""

RETRYABLE = frozenset(s for (s, e) in TRANSITIONS if e is Event.OPERATOR_RETRY if s)
DELETABLE = frozenset(s for (s, e) in TRANSITIONS if e is Event.DELETE if s)


class IllegalTransition(ValueError):
    """The event cannot happen to a job in this status."""


def after(status: Status | None, event: Event) -> Status | None:
    """Return the status after ``event``; raise IllegalTransition where the table has no such line."""
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise IllegalTransition(f"{event} cannot happen to a job that is {status or 'not there'}") from None


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for (before, event), then in TRANSITIONS.items():
        lines.append(f"    {before or '[*]'} --> {then or '[*]'}: {event}")
    return "\n".join(lines) + "\n"
