"""Named points on every path at which a process kills itself, once, when the point is armed.

A point belongs to a kind of process. It is armed by a file of its name in a directory; the first process of its kind
that passes it renames the file, notes that in the ledger, and is gone. ``installed`` wraps what the program calls
there, in processes of the torture only. ``passages.py`` says who passes which call of the storage.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from forge_jobs.errors import DatabaseUnusable
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim
from forge_jobs_supervisor.compose import Farm
from forge_jobs_supervisor.coordinator import folding, leader, observing
from forge_jobs_supervisor.coordinator.burial import Undertaker
from forge_jobs_supervisor.coordinator.coordinator import Coordinator
from forge_jobs_supervisor.parent import restart
from forge_jobs_supervisor.parent.deaths import Deaths
from forge_jobs_supervisor.parent.nursery import Nursery
from forge_jobs_supervisor.unix.board import Word
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.worker.seat import Seat
from tests.faults.passages import (
    COORDINATOR,
    IN_ONE_STATEMENT,
    KINDS,
    OPERATOR,
    PASSED,
    PRODUCER,
    SUPERVISOR,
    WORKER,
)

pause = threading.Event().wait

PLACES: Mapping[str, tuple[type, str, tuple[str, ...]]] = {
    "a claim starts": (Seat, "start", (WORKER,)),
    "an exchange is published": (Seat, "took", (WORKER,)),
    "a worker is buried": (Undertaker, "bury", (COORDINATOR,)),
    "the coordinator boots": (Coordinator, "boot", (COORDINATOR,)),
    "the coordinator hears": (Coordinator, "_hear_parent", (COORDINATOR,)),
    "a worker is born": (Nursery, "bear_worker", (SUPERVISOR,)),
    "a coordinator is born": (Nursery, "bear_coordinator", (SUPERVISOR,)),
    "an obituary is sent": (Deaths, "send_obituary", (SUPERVISOR,)),
    "a message is sent": (Lifeline, "send", (WORKER, COORDINATOR, SUPERVISOR)),
}
"""Methods of the farm's processes, and who passes them: a point before each, and one after."""

IN_HANDLERS = ("in a handler", "before a transaction", "in a transaction", "after a transaction")
"""Points that the application passes itself."""

LOST_ANSWER, BAD_ROW, LONG_JOB = "an answer is lost", "a row cannot be read", "a job takes long"
MISHAPS: Mapping[str, str] = {
    LOST_ANSWER: f"{WORKER}: * worker_queue.give_back_unknown",
    BAD_ROW: f"{COORDINATOR}: * upkeep.quarantine",
    LONG_JOB: f"{COORDINATOR}: * worker_queue.exchange",  # it gives back what the worker holds besides
}
"""What nobody dies of, but somebody passes certain points then, and seldom else."""

LONG = 0.4
"""Seconds."""

_PROGRAMS = {"tests.faults.producer": PRODUCER, "tests.faults.operator": OPERATOR}

_SOONER: Mapping[Any, Mapping[str, float]] = {
    leader: {"LEAD_EVERY": 0.5, "PRUNE_EVERY": 1.0, "LIMITS_EVERY": 1.0, "UNUSED_FOR": 0, "PARK_SLICE": 5},
    folding: {"FOLD_EVERY": 1.0, "FORGET_EVERY": 1.0},
    observing: {"FIRST_NOTE": 0.2, "NOTE_EVERY": 2.0},
    restart: {"YOUNG_PAUSE": 0.05},
}
"""What is done once a minute, or for thousands of rows, is done sooner where points are passed; and births, too."""


def points(backend: str) -> list[str]:
    """Return the names of all points, in the order in which they are armed."""
    found = [f"{WORKER}: {point}" for point in IN_HANDLERS]
    for port, kinds in PASSED.items():
        inside = [] if port in IN_ONE_STATEMENT[backend] else [f"in {port}"]
        found += [f"{kind}: {point}" for kind in kinds for point in (f"before {port}", *inside, f"after {port}")]
    places = [(place, kind) for place, (_owner, _method, kinds) in PLACES.items() for kind in kinds]
    return found + [f"{kind}: {when} {place}" for place, kind in places for when in ("before", "after")]


class Passage:
    """What one process knows of the points: who it is, and in the midst of which calls."""

    def __init__(self, directory: str, listed: set[str], note: Callable[[str, object, object], None]) -> None:
        program = getattr(sys.modules["__main__"], "__spec__", None)
        self.kind: str | None = _PROGRAMS.get(program.name if program else "", SUPERVISOR)
        self.inside: list[str] = []
        self._directory = directory
        self._note = note
        self._listed = listed
        self._passed: set[str] = set()
        os.register_at_fork(after_in_child=lambda: self.become(None))

    def become(self, kind: str | None) -> None:
        """Say of which kind this process is; None: of none, a child that only looks."""
        self.kind = kind
        self.inside.clear()

    def passed(self, point: str) -> None:
        """Pass a point: die if it is armed."""
        if self.kind is None:
            return
        name = f"{self.kind}: {point}"
        if name not in self._passed:
            self._passed.add(name)
            if name not in self._listed:
                Path(self._directory, "unlisted", name).touch()
        if self.meets(name):
            self._note("kill", os.getpid(), "point")
            os.kill(os.getpid(), signal.SIGKILL)

    def meets(self, name: str) -> bool:
        """Return whether something is armed, for the first who asks."""
        try:
            os.rename(f"{self._directory}/armed/{name}", f"{self._directory}/struck/{name}")  # noqa: PTH104 - often
        except FileNotFoundError:
            return False
        return True


def installed(storage: Storage, directory: str, note: Callable[[str, object, object], None]) -> Callable[[str], None]:
    """Put the points in; ``note`` writes into the ledger. Returns what the application calls at its own points."""
    database = type(storage.upkeep._database)
    backend = "sqlite" if storage.one_writer else "postgres"
    passage = Passage(directory, set(points(backend)), note)
    _passage[:] = [passage]
    for port in PASSED:
        holder, _, method = port.partition(".")
        owner = type(getattr(storage, holder))
        wrap = _wrap_block if port == "worker_queue.completing" else _wrap
        wrap(owner, method, port, passage)
    for place, (owner, method, _kinds) in PLACES.items():
        _wrap(owner, method, place, passage, transacts=False)
    for life, kind in (("work", WORKER), ("coordinate", COORDINATOR)):
        setattr(Farm, life, _living(getattr(Farm, life), kind, passage))
    for begins in {"writing", "lending"} & set(dir(database)):
        setattr(database, begins, _transaction(getattr(database, begins), passage))
    _arm_mishaps(storage, passage)
    for module, constants in {**_SOONER, sys.modules[type(storage.upkeep).__module__]: {"FOLD_AT": 1}}.items():
        for name, value in constants.items():
            setattr(module, name, value)
    return passage.passed


def _wrap(owner: type, method: str, name: str, passage: Passage, *, transacts: bool = True) -> None:
    """Let a call pass its points; what it calls of the same sort is a part of it and passes none."""
    call = getattr(owner, method)

    @functools.wraps(call)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if transacts and passage.inside and passage.inside[-1] != "worker_queue.completing":
            return call(*arguments, **options)
        passage.passed(f"before {name}")
        if transacts:
            passage.inside.append(name)
        try:
            result = call(*arguments, **options)
        finally:
            if transacts:
                passage.inside.remove(name)
        passage.passed(f"after {name}")
        return result

    setattr(owner, method, wrapped)


def _wrap_block(owner: type, method: str, name: str, passage: Passage) -> None:
    """Let a call pass its points that gives something for a block; within, others pass theirs."""
    call = getattr(owner, method)

    @contextlib.contextmanager
    def wrapped(*arguments: Any, **options: Any) -> Iterator[Any]:
        passage.passed(f"before {name}")
        passage.inside.append(name)
        try:
            with call(*arguments, **options) as given:
                yield given
        finally:
            passage.inside.remove(name)
        passage.passed(f"after {name}")

    setattr(owner, method, wrapped)


def _transaction(call: Any, passage: Passage) -> Any:
    """Let a transaction pass the point inside of the call that it belongs to, before it is committed."""

    @contextlib.contextmanager
    def begun(*arguments: Any, **options: Any) -> Iterator[Any]:
        with call(*arguments, **options) as connection:
            yield connection
            if passage.inside:
                passage.passed(f"in {passage.inside[-1]}")

    return begun


def _living(life: Any, kind: str, passage: Passage) -> Any:
    @functools.wraps(life)
    def lived(*arguments: Any, **options: Any) -> Any:
        passage.become(kind)
        return life(*arguments, **options)

    return lived


def _arm_mishaps(storage: Storage, passage: Passage) -> None:
    """Let each happen to the first to whom it can, where it is armed."""
    worker_queue, upkeep = type(storage.worker_queue), type(storage.upkeep)
    exchange, look, start = worker_queue.exchange, upkeep.look, Seat.start

    def unheard(*arguments: Any, **options: Any) -> Any:
        answer = exchange(*arguments, **options)
        if passage.kind == WORKER and passage.meets(LOST_ANSWER):
            raise DatabaseUnusable("the answer was lost on its way")
        return answer

    def misread(*arguments: Any, **options: Any) -> Any:
        if passage.kind == COORDINATOR and passage.meets(BAD_ROW):
            raise ValueError("nobody can read this row")
        return look(*arguments, **options)

    def started(self: Seat, claim: Claim, *arguments: Any) -> Any:
        since = start(self, claim, *arguments)
        if since is not None and self._words[Word.HELD_TO] > claim.claim_no and passage.meets(LONG_JOB):
            pause(LONG)
        return since

    for owner, method, call in (
        (worker_queue, "exchange", unheard),
        (upkeep, "look", misread),
        (Seat, "start", started),
    ):
        setattr(owner, method, call)


def become(kind: str) -> None:
    """Say of which kind this process is, where that cannot be seen."""
    if _passage:
        _passage[0].become(kind)


_passage: list[Passage] = []
"""The one of this process."""


def prepare(directory: Path) -> None:
    """Make the directories of armed points, of those that have struck, and of those that nobody has listed."""
    for name in ("armed", "struck", "unlisted"):
        (directory / name).mkdir(parents=True)


def kind_of(point: str) -> str:
    """Return the kind of process to which a point belongs."""
    kind = point.partition(":")[0]
    assert kind in KINDS
    return kind
