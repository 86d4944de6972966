"""A database that an older forge-jobs made and filled is upgraded when it is opened, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Gate, Status
from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.sql import migrations
from tests.support.builders import a_job, enqueue, only, record
from tests.support.clock import START, FakeClock
from tests.support.forking import fork
from tests.support.hands import Hand
from tests.support.old_database import FAILURE, LARGE, PROCESS, ROWS, Old


@pytest.fixture
def old(path: Path) -> Old:
    return Old(path)


@pytest.fixture
def upgraded(old: Old, clock: FakeClock) -> Iterator[Storage]:
    storage = open_storage(f"sqlite:///{old.path}", clock=clock)
    yield storage
    storage.close()


def test_it_tells_what_is_pending_and_applies_it_once(old: Old, upgraded: Storage) -> None:
    pending = [name for version, name, _text in migrations("sqlite") if version > 1]
    assert pending[0] == "0002_stopping"
    assert upgraded.schema.describe()["pending_migrations"] == pending

    assert upgraded.schema.migrate() == pending
    assert upgraded.schema.migrate() == []


def test_the_first_use_upgrades_it(old: Old, upgraded: Storage) -> None:
    upgraded.operator.counts()

    assert upgraded.schema.describe()["pending_migrations"] == []


def test_every_job_is_there_as_it_was(old: Old, upgraded: Storage) -> None:
    for job_id, (status, gate, attempts, finished_at, result, process_id, claim_no, cancelled) in zip(
        old.ids, ROWS, strict=True
    ):
        job = record(upgraded, job_id)
        assert (job.status, job.gate, job.attempts, job.max_attempts) == (status, gate, attempts, 5)
        assert (job.queue, job.kind, job.priority, job.unique_key) == ("media", "work", -3, job_id)
        assert (job.process_id, job.claim_no, job.cancel_requested_at) == (process_id, claim_no, cancelled)
        assert (job.enqueued_at, job.scheduled_at, job.finished_at) == (START, START, finished_at)
        large = claim_no == 5
        assert job.payload == (LARGE if large else "{}").encode()
        assert job.result == (LARGE.encode() if large else None if result is None else result.encode())
        assert job.error_history == ((FAILURE,) if status in ("failed", "dead") else ())
        assert (job.time_limit, job.expires_at, job.cpu_time, job.peak_memory) == (None, None, None, None)


def test_counts_and_settings_are_as_they_were(old: Old, upgraded: Storage) -> None:
    counts = upgraded.operator.counts()["media"]

    assert (counts.pending, counts.scheduled, counts.failed) == (1, 1, 1)
    assert (counts.in_progress, counts.done, counts.dead) == (2, 2, 1)
    assert upgraded.queue_config.queues() == [
        QueueSettings(name="media", backoff_base=2.5, backoff_max=99.5, keep_done=1e4, keep_dead=1e4, max_workers=7)
    ]


def test_what_was_running_is_handed_in_and_what_was_cancelled_is_to_be_stopped(old: Old, upgraded: Storage) -> None:
    assert upgraded.control.cancel_requests() == [(PROCESS, 3)]
    claims = upgraded.registry.claims_of([PROCESS])[PROCESS]
    hand = Hand(upgraded, queue="media")
    hand.process_id = PROCESS  # that worker goes on

    assert [claim.id for claim in claims] == old.ids[3:5]
    assert hand.hand_in(hand.done(claims[0]), hand.failed(claims[1])) == []
    assert [record(upgraded, claim.id).status for claim in claims] == [Status.DONE, Status.DEAD]
    assert upgraded.control.cancel_requests() == []


def test_what_waited_is_claimed_and_its_keys_are_held(old: Old, upgraded: Storage) -> None:
    assert upgraded.producer.enqueue([a_job(queue="media", unique_key=old.ids[0])])[0].deduplicated
    assert record(upgraded, old.ids[1]).gate is Gate.WAITING
    upgraded.upkeep.open_due(10)

    claims = Hand(upgraded, queue="media").claim(rows=9)

    assert [claim.id for claim in claims] == old.ids[:3]
    assert {(claim.time_limit, claim.expires_at) for claim in claims} == {(None, None)}


def test_what_is_new_works_on_it(old: Old, upgraded: Storage, clock: FakeClock) -> None:
    late = enqueue(upgraded, queue="media", expires_at=clock.now(), time_limit=5)
    assert upgraded.upkeep.expire(10) == 1
    assert record(upgraded, late).status is Status.DEAD
    assert upgraded.operator.cancel(only(*old.ids[:2]), 10, 0).skipped == []

    changed = upgraded.queue_config.change_queue("media", {"memory_limit": 2**30})
    assert changed is not None
    assert (changed.memory_limit, changed.max_workers) == (2**30, 7)
    number = upgraded.control.ask("host-a", PROCESS, "stack")
    assert [asked.number for asked in upgraded.control.asked("host-a")] == [number]


def test_an_upgraded_database_is_the_same_as_a_new_one(old: Old, upgraded: Storage, tmp_path: Path) -> None:
    upgraded.schema.migrate()
    new = open_storage(f"sqlite:///{tmp_path / 'new.sqlite'}")
    new.schema.create()
    new.close()
    schemas = [
        apsw.Connection(str(file)).execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()
        for file in (old.path, tmp_path / "new.sqlite")
    ]

    assert schemas[0] == schemas[1]


def test_processes_that_upgrade_it_at_once_do_not_meet(old: Old) -> None:
    def first() -> str:
        return enqueue(open_storage(f"sqlite:///{old.path}"), queue="media")

    children = [fork(first) for _ in range(4)]
    ids = [child() for child in children]

    storage = open_storage(f"sqlite:///{old.path}")
    assert set(storage.operator.statuses([*ids, *old.ids])) == {*ids, *old.ids}
    storage.close()
