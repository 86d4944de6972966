"""What goes wrong at one duty of a coordinator does not end the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from forge_jobs.declaring import declare
from forge_jobs.model.declared import Declared
from forge_jobs.model.limits import KindRules
from forge_jobs.settling import Settler
from forge_jobs.storage import Storage
from forge_jobs.storage.postgres.storage import PostgresStorage
from forge_jobs_supervisor.coordinator.coordinator import Coordinator
from forge_jobs_supervisor.unix.board import State, Word
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.wakeup import Wakeup
from tests.support.backends import Backend, SqliteBackend
from tests.support.builders import a_board, a_host
from tests.support.until import until

NOTHING = Declared()


@pytest.fixture
def make_coordinator(storage: Storage, backend: Backend) -> Iterator[Callable[..., Coordinator]]:
    """Makes coordinators that have booted, of a host with one idle worker."""
    board = a_board(1)
    slot = board.slot(0)
    slot.set(Word.PROCESS_ID, 1)
    slot.set(Word.STATE, State.IDLE)
    host = a_host("here", life_lock=backend.give_life())

    def make(*, declared: Declared = NOTHING, first: bool = True) -> Coordinator:
        parent, lifeline = map(opened.enter_context, map(closing, Lifeline.pair()))
        wakeup = opened.enter_context(closing(Wakeup(())))
        assert parent.is_open()
        made = Coordinator(
            host=host, stores=storage, board=board, queues=["default"],
            lifeline=lifeline, wakeup=wakeup, settler=Settler("here", os.getpid(), lambda: 0.0), clock=storage.clock,
            drain=False, totals=False, declared=declared, first=first,
        )  # fmt: skip
        made.boot()
        opened.callback(lambda: made._doorbell.close())
        return made

    with ExitStack() as opened:
        yield make


@pytest.fixture
def coordinator(make_coordinator: Callable[..., Coordinator]) -> Coordinator:
    return make_coordinator()


def goes_on_until(coordinator: Coordinator, fact: Callable[[], object]) -> None:
    def turned() -> object:
        coordinator.step()
        return fact()

    until(turned, within=30.0)


def test_a_ring_without_sense_is_told_and_the_next_one_heard(
    storage: Storage, backend: Backend, coordinator: Coordinator, caplog: pytest.LogCaptureFixture
) -> None:
    """An instant later than any number here can be."""
    if not isinstance(storage, PostgresStorage):
        pytest.skip("a ring on SQLite is too short for such a number")
    coordinator.step()

    ring = f"default\t1\t{'9' * 400}\t"
    backend.connection().execute("SELECT pg_notify(%s, %s)", (storage._database.schema, ring))

    goes_on_until(coordinator, lambda: "Coordinator._answer failed and is tried again" in caplog.text)
    coordinator.step()


def test_a_file_that_cannot_be_opened_is_told_and_the_host_lives_on(
    tmp_path: Path, storage: Storage, backend: Backend, coordinator: Coordinator, caplog: pytest.LogCaptureFixture
) -> None:
    if not isinstance(backend, SqliteBackend):
        pytest.skip("PostgreSQL has no file by which hosts live")
    lives = tmp_path / "queue.sqlite-hosts"
    lives.rename(tmp_path / "away")
    lives.mkdir()
    storage.registry.announce_host(a_host("another", life_lock=77))

    goes_on_until(coordinator, lambda: "failed and is tried again: [Errno 21] Is a directory" in caplog.text)

    lives.rmdir()
    (tmp_path / "away").rename(lives)
    coordinator.step()
    assert "here" in {host.host_id for host in storage.registry.hosts() if host.alive}


def test_a_coordinator_that_replaces_another_leaves_what_was_declared_since(
    storage: Storage, make_coordinator: Callable[..., Coordinator]
) -> None:
    old, new = (Declared(rules=[KindRules(kind="work", max_running=most)]) for most in (1, 5))
    make_coordinator(declared=old)
    declare(storage, new, storage.clock.now())

    make_coordinator(declared=old, first=False)
    assert storage.limits.rules() == new.rules

    storage.schema.reset()
    make_coordinator(declared=old, first=False)
    assert storage.limits.rules() == old.rules, "there is nobody else's"
