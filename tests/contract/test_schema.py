"""Schema: creating, describing, emptying and removing the database."""

from __future__ import annotations

import contextlib

from forge_jobs.errors import SchemaMismatch
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import a_living_host, a_queue, enqueue, enqueue_some, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def test_a_database_is_created_once(backend: Backend, clock: FakeClock) -> None:
    storage = backend.blank(clock)
    assert storage.schema.create()
    assert not storage.schema.create()


def test_creating_a_database_that_is_there_keeps_its_jobs(storage: Storage) -> None:
    job_id = enqueue(storage)

    assert not storage.schema.create()
    assert record(storage, job_id)


def test_a_new_database_gets_every_migration_and_then_none(backend: Backend, clock: FakeClock) -> None:
    storage = backend.blank(clock)
    pending = storage.schema.describe()["pending_migrations"]

    assert storage.schema.migrate() == pending != []
    assert storage.schema.migrate() == []
    assert storage.schema.describe()["pending_migrations"] == []


def test_a_description_says_where_the_database_is_and_in_which_version(storage: Storage) -> None:
    storage.schema.create()

    told = storage.schema.describe()

    assert told["location"] == storage.location
    assert told["exists"] is True
    assert told["schema_version"] == told["newest_version"]


def test_describing_creates_nothing(backend: Backend, clock: FakeClock) -> None:
    storage = backend.blank(clock)
    told = storage.schema.describe()

    assert (told["exists"], told["schema_version"]) == (False, 0)
    assert storage.schema.describe() == told
    assert storage.schema.create()


def test_describing_changes_nothing(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    enqueue_some(storage, 3)
    hand = Hand(storage)
    claim = hand.take()

    backend.open(clock).schema.describe()

    assert storage.operator.counts()["default"].pending == 2
    assert hand.hand_in(hand.done(claim)) == []


def test_a_reset_removes_every_job_queue_and_registration(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend)
    a_queue(storage)
    enqueue_some(storage, 3, payload=b'"' + b"x" * 5000 + b'"')
    hand = Hand(storage)
    ended = [hand.finish(), hand.bury_one()]
    claim = hand.take()
    storage.leadership.lead("host-a", 3600)

    storage.schema.reset()

    assert storage.operator.counts() == {}
    assert storage.operator.statuses(ended) == {}
    assert (storage.queue_config.queues(), storage.registry.hosts()) == ([], [])
    assert storage.worker_queue.exchange(hand.process_id, [hand.done(claim)], None) is None
    assert storage.upkeep.run_totals("host-a").done == 0
    assert storage.schema.describe()["pending_migrations"] == []


def test_a_producer_at_work_goes_on_after_a_reset(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    before = enqueue(storage)

    backend.open(clock).schema.reset()

    after = enqueue(storage)
    assert storage.operator.get(before) is None
    assert record(backend.open(clock), after).id == after


def test_what_a_job_had_before_a_reset_does_not_come_back_to_a_new_one(storage: Storage) -> None:
    enqueue(storage, payload=b'"' + b"x" * 5000 + b'"', unique_key="k")
    Hand(storage).fail(message="before")
    storage.schema.reset()

    found = record(storage, enqueue(storage, unique_key="k"))

    assert (found.payload, found.error_history, found.attempts) == (b"{}", (), 0)


def test_a_database_that_is_dropped_is_gone(storage: Storage) -> None:
    enqueue(storage)

    assert storage.schema.drop()

    assert storage.schema.describe()["exists"] is False
    assert not storage.schema.drop()


def test_a_dropped_database_can_be_created_again_and_is_empty(storage: Storage) -> None:
    enqueue(storage)
    storage.schema.drop()

    assert storage.schema.create()
    assert storage.operator.counts() == {}


def test_a_job_enqueued_after_a_drop_by_another_is_stored_or_refused(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    enqueue(storage)
    backend.open(clock).schema.drop()

    with contextlib.suppress(SchemaMismatch):  # one that creates itself takes the job
        job_id = enqueue(storage)
        assert record(backend.open(clock), job_id).id == job_id
