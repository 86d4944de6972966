"""The acts that disks and networks fail in: one for every method that writes, and each of them changes something."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from forge_jobs.clock import Clock
from forge_jobs.storage import open_storage
from forge_jobs.storage.ports import Doorbell, Storage
from tests.faults.acts import ACTS, SQLITE_ACTS, live_in
from tests.faults.rows import digest, rules_hold
from tests.support.clock import FakeClock

READ_ONLY = {
    *(f"operator.{name}" for name in ("get", "statuses", "find", "counts", "count")),
    *("inspection.facts", "checkup.checks", "checkup.broken"),
    *(f"news.{name}" for name in ("newest", "key_at", "enqueued", "running", "retrying", "finished", "queues")),
    *(f"registry.{name}" for name in ("hosts", "workers", "claims_of", "claims_before", "census")),
    "queue_config.queues",
    *(f"limits.{name}" for name in ("rules", "places", "rate_limits")),
    *(f"control.{name}" for name in ("cancel_requests", "asked", "answer_of")),
    *(f"upkeep.{name}" for name in ("look", "unserved", "unfinished", "run_totals", "troubles")),
    *(f"schedules.{name}" for name in ("all", "get", "fires", "due", "next_due")),
    *("archive.jobs", "archive.tallies", "schema.describe"),
    *(f"metrics.{name}" for name in ("between", "totals", "gauges", "sizes", "archived")),
    *(f"doorbell.{name}" for name in ("fileno", "keep", "rings", "close")),
}
"""Methods that change no row."""

ELSEWHERE = {
    "archive.locked": "what is written inside of it has acts of its own",
    "upkeep.checkpoint": "changes no row: an act of test_disk.py",
    **dict.fromkeys(
        ("schema.create", "schema.migrate", "schema.drop"), "test_house.py: there is nothing before, or after"
    ),
}
"""Methods that write and have no act here, and why."""


def methods() -> set[str]:
    """Return every method of every port of a storage, as "port.method"."""
    found = set()
    for port, member in vars(Storage).items():
        told = member.fget if isinstance(member, property) else member
        kind = typing.get_type_hints(told).get("return") if callable(told) else None
        if kind is not Clock and getattr(kind, "_is_protocol", False):
            found |= {f"{port}.{name}" for name, value in vars(kind).items() if name[0] != "_" and callable(value)}
    return found


def method_of(act: str) -> str:
    return act.replace(":", "").partition(" ")[0]


def noting(storage: Storage) -> set[str]:
    """Return a set to which each method of a port is added when it is called."""
    called: set[str] = set()

    def noted(method: str, does: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            called.add(method)
            return does(*values, **named)

        return call

    for method in methods():
        port, _dot, name = method.partition(".")
        if port != "doorbell":
            own = getattr(storage, port)
            setattr(own, name, noted(method, getattr(own, name)))
    return called


def test_every_method_that_writes_has_an_act() -> None:
    acts = {method_of(act) for act in ACTS | SQLITE_ACTS}
    assert Doorbell in typing.get_type_hints(Storage.doorbell).values()
    assert methods() - acts - READ_ONLY - ELSEWHERE.keys() == set()
    assert (acts | READ_ONLY | ELSEWHERE.keys()) - methods() == set(), "no such method"
    assert acts & READ_ONLY == set()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """A file in which there is something for every act; of PostgreSQL's rows ``test_network.py`` asks the same."""
    made = open_storage(f"sqlite:///{tmp_path / 'queue.sqlite'}", clock=FakeClock())
    live_in(made)
    yield made
    made.close()


@pytest.mark.parametrize("act", ACTS | SQLITE_ACTS)
def test_each_act_calls_its_method_and_changes_something(act: str, storage: Storage) -> None:
    do = (ACTS | SQLITE_ACTS)[act](storage)
    before = digest(storage)
    called = noting(storage)

    do()

    assert method_of(act) in called
    assert digest(storage) != before
    rules_hold(storage)
