"""Passing a farm from one run of this program to the next: through its environment and inherited descriptors."""

from __future__ import annotations

import logging
import sys

import msgspec

from forge_jobs.clock import pause
from forge_jobs.config import Location
from forge_jobs.errors import ForgeJobsError, UsageError
from forge_jobs_supervisor.parent.handover import Estate
from forge_jobs_supervisor.unix import execution, processes
from forge_jobs_supervisor.unix.board import VERSION

_log = logging.getLogger(__name__)

_REHEARSAL = "_FORGE_JOBS_REHEARSAL"
_HANDOVER = "_FORGE_JOBS_HANDOVER"
_AGAIN_AFTER = 1.0


class Inheritance(msgspec.Struct, frozen=True, kw_only=True):
    """A farm in full: what its supervisor hands over, and who it is. ``life_lock`` is a descriptor and a byte."""

    estate: Estate
    host_id: str
    life_lock: tuple[int, int] | None
    started: float
    cpu_before: float

    def descriptors(self) -> list[int]:
        """Return the descriptors that must stay open."""
        return [*(self.life_lock or ())[:1], *self.estate.descriptors()]


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """What the new code must agree with to take over."""

    board: int
    database: str


def rehearse(location: Location) -> int:
    """Start this program as a child that only shows whether it would come up; return its pid."""
    part = _Part(board=VERSION, database=location.url)
    return execution.start_beside({_REHEARSAL: msgspec.json.encode(part).decode()})


def is_rehearsal() -> bool:
    """Return whether this process only shows whether it would come up."""
    return execution.told(_REHEARSAL) is not None


def check_part(location: Location) -> None:
    """In a rehearsal: raise UsageError where this code could not go on with the farm of the old."""
    part = msgspec.json.decode(execution.told(_REHEARSAL) or "", type=_Part)
    if part.board != VERSION:
        raise UsageError("this version cannot take over the processes of the one that runs: stop it and start this one")
    if part.database != location.url:
        raise UsageError(
            f"the new code names the database {location.shown}, and the farm works on another one: "
            "stop it and start this one"
        )


def hand_over(inheritance: Inheritance) -> None:
    """Become this program anew; returns only by raising OSError."""
    fd = execution.memory_of(msgspec.json.encode(inheritance))
    execution.start_in_place({_HANDOVER: str(fd)}, [fd, *inheritance.descriptors()])


def inherited() -> Inheritance | None:
    """Return the farm that this process has taken over, None where it starts one of its own."""
    told = execution.told(_HANDOVER)
    if told is None:
        return None
    execution.forget(_HANDOVER)
    inheritance = msgspec.json.decode(execution.text_of(int(told)), type=Inheritance)
    execution.take_back(inheritance.descriptors())
    return inheritance


def try_again(inheritance: Inheritance, error: ForgeJobsError) -> None:
    """Start over when the new code, which came up a moment ago, does not: the farm's workers go on meanwhile.

    Where somebody asks this process to stop it does, and the coordinator sees to the rest.
    """
    told = "%s; the workers of the old code go on, and this is tried again"
    _log.error(told, error, extra={"event": "reload.refused"})
    if processes.stop_is_pending():
        sys.exit(1)
    pause(_AGAIN_AFTER)
    hand_over(inheritance)
