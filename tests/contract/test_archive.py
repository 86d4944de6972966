"""Moving house: a copy has everything, or there is none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_jobs import moving
from forge_jobs.errors import DatabaseError, UsageError, WorkersAlive
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import ArchivedJob
from tests.support.backends import BACKENDS, Backend
from tests.support.builders import ALL, a_living_host, a_queue, enqueue, enqueue_some, record
from tests.support.clock import FakeClock
from tests.support.filled import fill
from tests.support.hands import Hand
from tests.support.limits import give_out
from tests.support.schedules import add, fire, times_made


@pytest.fixture(params=sorted(BACKENDS))
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Another database, once for each kind."""
    (tmp_path / "other").mkdir()
    made = BACKENDS[request.param](tmp_path / "other")
    yield made
    made.close()


@pytest.fixture
def target(other: Backend, clock: FakeClock) -> Storage:
    """Its storage; nothing has been created in it yet."""
    return other.blank(clock)


def content(storage: Storage) -> list[ArchivedJob]:
    return [job for _key, job in storage.archive.jobs(0, 1000)]


def test_a_copy_has_everything_in_its_order(storage: Storage, target: Storage, clock: FakeClock) -> None:
    fill(storage, clock)

    copied = moving.copy(storage, target)

    assert content(target) == content(storage) != []
    assert (copied.jobs, copied.queues, copied.schedules, len(copied.digest)) == (15, 2, 2, 64)
    assert copied.errors == sum(len(job.record.error_history) for job in content(storage)) > 0
    assert target.queue_config.queues() == storage.queue_config.queues()
    assert target.operator.counts() == storage.operator.counts()
    assert target.limits.rules() == storage.limits.rules() != []
    assert target.limits.rate_limits() == storage.limits.rate_limits() != []
    assert target.schedules.all() == storage.schedules.all()
    for name in ("a/b", "hourly"):
        assert target.schedules.fires(name, 100) == storage.schedules.fires(name, 100)
    assert len(target.schedules.fires("a/b", 100)) == 5


def test_schedules_go_on_where_they_were_moved_to(storage: Storage, target: Storage, clock: FakeClock) -> None:
    add(storage, overlap="allow", misfire="all")
    clock.advance(120)
    assert fire(storage).fired == 2
    moving.copy(storage, target)

    assert fire(target).fired == 0
    clock.advance(120)
    assert fire(target).fired == 2
    assert set(times_made(target).values()) == {1}


def test_what_was_copied_goes_on_there(storage: Storage, target: Storage, clock: FakeClock) -> None:
    fill(storage, clock)
    moving.copy(storage, target)
    hand = Hand(target, queue="media")

    give_out(target)
    other = Hand(target, kinds=("limited",))
    assert len(other.claim(rows=9)) == 1
    (left,) = hand.claim(rows=9)
    hand.hand_in(hand.done(left))
    assert not hand.claim()
    (stray,) = target.registry.census("host-a", [hand.process_id, other.process_id]).dead
    target.registry.bury(stray, [], "host-a")
    new = enqueue(target)

    assert record(target, new).status is Status.PENDING
    assert target.producer.enqueue([]) == []
    assert target.operator.find(ALL, 1, None)[0][0].id == new


def test_there_and_back_again_is_the_same(
    storage: Storage, target: Storage, clock: FakeClock, backend: Backend, tmp_path: Path
) -> None:
    fill(storage, clock)
    first = moving.copy(storage, target)
    (tmp_path / "third").mkdir()
    home = type(backend)(tmp_path / "third")
    again = home.blank(clock)

    assert moving.copy(target, again).digest == first.digest
    assert content(again) == content(storage)
    home.close()


def test_many_pages(storage: Storage, target: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "PAGE", 7)
    enqueue_some(storage, 50)
    seen: list[int] = []

    assert moving.copy(storage, target, seen.append).jobs == 50
    assert seen == [7, 14, 21, 28, 35, 42, 49, 50]
    assert content(target) == content(storage)


def test_an_empty_database_can_be_copied(storage: Storage, target: Storage) -> None:
    storage.schema.create()
    assert moving.copy(storage, target).jobs == 0


@pytest.mark.parametrize("what", ["a job", "a queue", "a schedule"])
def test_a_target_that_is_not_empty_is_refused(storage: Storage, target: Storage, what: str) -> None:
    target.schema.create()
    if what == "a job":
        enqueue(target)
    elif what == "a queue":
        a_queue(target)
    else:
        add(target)
    enqueue(storage)
    before = content(target)

    with pytest.raises(UsageError, match="is not empty: copy into a new database"):
        moving.copy(storage, target)

    assert content(target) == before


def test_it_is_refused_while_a_supervisor_lives_on_either(
    storage: Storage, backend: Backend, target: Storage, other: Backend
) -> None:
    host = a_living_host(storage, backend)
    with pytest.raises(WorkersAlive, match="refusing to copy while 1 live supervisor"):
        moving.copy(storage, target)
    backend.take_life(host.life_lock)
    a_living_host(target, other)
    with pytest.raises(WorkersAlive, match="refusing to copy while 1 live supervisor"):
        moving.copy(storage, target)


def test_a_database_is_not_copied_into_itself(storage: Storage) -> None:
    with pytest.raises(UsageError, match="cannot be copied into itself"):
        moving.copy(storage, storage)


@pytest.mark.parametrize("what", ["a schedule", "a fire"])
def test_a_schedule_that_was_not_copied_faithfully_is_not_kept(
    storage: Storage, target: Storage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    add(storage)
    clock.advance(60)
    fire(storage)
    target.schema.create()
    restore = target.schedules.restore
    kept = 0 if what == "a schedule" else 1
    monkeypatch.setattr(target.schedules, "restore", lambda all_: restore([(s, []) for s, _fires in all_[:kept]]))

    with pytest.raises(DatabaseError, match=r"nothing was kept"):
        moving.copy(storage, target)

    assert target.schedules.all() == []


@pytest.mark.parametrize("at", [0, 3])
def test_nothing_is_there_when_it_fails_on_the_way(
    storage: Storage, target: Storage, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(moving, "PAGE", 10)
    enqueue_some(storage, 50)
    pages = itertools.count()

    def fail(_jobs: int) -> None:
        if next(pages) == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moving.copy(storage, target, fail)

    assert content(target) == []
    assert target.queue_config.queues() == []


def test_what_was_not_copied_faithfully_is_not_kept(
    storage: Storage, target: Storage, backend: Backend, other: Backend
) -> None:
    enqueue_some(storage, 3)
    target.schema.create()
    store = target.archive.store
    target.archive.store = lambda jobs: store(jobs[:-1])  # type: ignore[method-assign]

    with pytest.raises(DatabaseError, match=r"is not what was read from .* nothing was kept"):
        moving.copy(storage, target)

    assert content(target) == []
