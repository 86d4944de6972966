"""Checkup.checks and what is looked at around it: findings, whatever there is to find, and never an error."""

from __future__ import annotations

import pytest

from forge_jobs.examining import examine
from forge_jobs.model.checks import Check, Level
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import a_living_host, a_queue, enqueue
from tests.support.clock import FakeClock


def found(storage: Storage, *, deep: bool = False) -> dict[str, Check]:
    return {check.name: check for check in examine(storage, deep=deep)}


@pytest.mark.parametrize("deep", [False, True])
def test_a_database_is_looked_at_from_all_sides(storage: Storage, backend: Backend, *, deep: bool) -> None:
    a_living_host(storage, backend)

    seen = found(storage, deep=deep)

    assert seen["schema"].level is Level.OK
    assert {"schema", "supervisors", "unserved"} < set(seen)
    assert len(seen) >= 9
    assert all(check.told for check in seen.values())


def test_where_nobody_runs_anything_nothing_is_said_to_be_served(storage: Storage) -> None:
    enqueue(storage)

    seen = found(storage)

    assert seen["supervisors"].level is Level.WARNING
    assert seen.get("unserved", seen["supervisors"]).level is Level.WARNING


def test_what_is_not_well_is_told(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    a_queue(storage, paused=True)
    enqueue(storage)

    seen = found(storage)
    assert seen["supervisors"].told == "no supervisor is alive: nothing is run"
    assert seen["unserved"].told == "unserved: 1 of kind work in queue default: no worker serves the queue"
    assert seen["paused"].way_out == "forge-jobs queue resume default"

    host = a_living_host(storage, backend)
    storage.queue_config.change_queue("default", {"paused": False})
    seen = found(storage)
    assert seen["supervisors"].told == f"1 live: {host.label} (pid 4242)"
    assert (seen["unserved"].level, "paused" in seen, "beats" in seen) == (Level.OK, False, False)

    clock.advance(-60)
    assert "was heard of 60 s from now" in found(storage)["beats"].told


def test_a_host_that_is_alive_and_silent_is_told(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    a_living_host(storage, backend)
    clock.advance(20)

    assert "was last heard of 20 s ago" in found(storage)["beats"].told


def test_a_database_that_is_not_there_is_a_finding(backend: Backend, clock: FakeClock) -> None:
    seen = found(backend.blank(clock))

    assert (list(seen), seen["schema"].level) == (["schema"], Level.PROBLEM)
    assert (seen["schema"].way_out or "").startswith("forge-jobs-db create")
    assert backend.blank(clock).schema.describe()["exists"] is False, "looking creates nothing"
