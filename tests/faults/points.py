"""Named points on every path at which a process kills itself, once, when the point is armed.

A point is armed by a file of its name in a directory; the process that passes it first renames the file, notes that in
the ledger, and is gone. ``installed`` wraps what the program calls there, in the farm's processes only.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from forge_jobs.storage import Storage
from forge_jobs_supervisor.coordinator.burial import Undertaker
from forge_jobs_supervisor.coordinator.coordinator import Coordinator
from forge_jobs_supervisor.parent.deaths import Deaths
from forge_jobs_supervisor.parent.nursery import Nursery
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.worker.seat import Seat

PORTS = (
    "worker_queue.exchange",
    "producer.enqueue",
    "registry.announce_host",
    "registry.announce_worker",
    "registry.beat",
    "registry.bury",
    "registry.census",
    "leadership.lead",
    "schedules.fire",
    "upkeep.look",
    "upkeep.open_due",
    "upkeep.park_unserved",
    "limits.admit",
    "metrics.fold",
)
"""Calls of the storage: a point before each, one after, and one inside of its transaction, before the commit."""

PLACES: Mapping[str, tuple[type, str]] = {
    "a claim starts": (Seat, "start"),
    "an exchange is published": (Seat, "took"),
    "a worker is buried": (Undertaker, "bury"),
    "the coordinator boots": (Coordinator, "boot"),
    "the coordinator hears": (Coordinator, "_hear_parent"),
    "a worker is born": (Nursery, "bear_worker"),
    "a coordinator is born": (Nursery, "bear_coordinator"),
    "an obituary is sent": (Deaths, "send_obituary"),
    "a message is sent": (Lifeline, "send"),
}
"""Methods of the farm's processes: a point before each, and one after."""

IN_HANDLERS = ("in a handler", "before a transaction", "in a transaction", "after a transaction")
"""Points that the application passes itself."""

IN_ONE_STATEMENT = {
    "sqlite": {"registry.census", "upkeep.look"},
    "postgres": {
        "worker_queue.exchange", "producer.enqueue", "registry.announce_worker", "registry.beat", "registry.census",
        "leadership.lead", "upkeep.look",
    },
}  # fmt: skip
"""Calls that have no inside: they read, or are one statement that the server commits by itself."""

RARE = {"upkeep.park_unserved"}
"""Calls that write only where something is wrong."""


def points(backend: str) -> list[str]:
    """Return the names of all points, in the order in which they are armed."""
    found = list(IN_HANDLERS)
    for port in PORTS:
        inside = [] if port in IN_ONE_STATEMENT[backend] | RARE else [f"in {port}"]
        found += [f"before {port}", *inside, f"after {port}"]
    return found + [f"{when} {place}" for place in PLACES for when in ("before", "after")]


def installed(storage: Storage, directory: str, note: Callable[[str, object, object], None]) -> Callable[[str], None]:
    """Put the points in; ``note`` writes into the ledger. Returns what the application calls at its own points."""

    def passed(point: str) -> None:
        try:
            os.rename(f"{directory}/armed/{point}", f"{directory}/struck/{point}")  # noqa: PTH104 - passed often
        except FileNotFoundError:
            return
        note("kill", os.getpid(), "point")
        os.kill(os.getpid(), signal.SIGKILL)

    inside: list[str] = []
    for port in PORTS:
        holder, _, method = port.partition(".")
        _wrap(type(getattr(storage, holder)), method, port, passed, inside)
    for place, (owner, method) in PLACES.items():
        _wrap(owner, method, place, passed, [])
    database = type(storage.upkeep._database)
    database.writing = _writing(database.writing, passed, inside)
    return passed


def _wrap(owner: type, method: str, name: str, passed: Callable[[str], None], inside: list[str]) -> None:
    call = getattr(owner, method)

    @functools.wraps(call)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        passed(f"before {name}")
        inside.append(name)
        try:
            result = call(*arguments, **options)
        finally:
            inside.pop()
        passed(f"after {name}")
        return result

    setattr(owner, method, wrapped)


def _writing(call: Any, passed: Callable[[str], None], inside: list[str]) -> Any:
    @contextlib.contextmanager
    def writing(self: Any) -> Iterator[Any]:
        with call(self) as connection:
            yield connection
            for name in inside:
                passed(f"in {name}")

    return writing


def prepare(directory: Path) -> None:
    """Make the directories of armed points and of those that have struck."""
    for name in ("armed", "struck"):
        (directory / name).mkdir(parents=True)
