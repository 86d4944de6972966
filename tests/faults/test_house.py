"""Creating, migrating, copying, emptying: killed before each statement in turn, all is there or nothing is.

Whoever does it again afterwards comes to the same end as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forge_jobs import moving
from forge_jobs.model.checks import Level
from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.postgres import migrating
from forge_jobs.storage.postgres import schema as schema_module
from forge_jobs.storage.sql import migrations
from forge_jobs.verifying import verify
from tests.support.backends import BACKENDS, Backend
from tests.support.builders import ALL, a_host, enqueue_some
from tests.support.clock import FakeClock
from tests.support.dying import dies_at
from tests.support.filled import fill
from tests.support.old_database import Old


def opened(url: str) -> Storage:
    return open_storage(url, clock=FakeClock())


def each_death(act: Callable[[], object], step: int = 1) -> Iterator[int]:
    """Let a child do ``act`` and die of its first statement, its second, and so on until it lives; give the numbers."""
    for number in itertools.count(1, step):
        if not dies_at(number, act):
            assert number > 3, "there were statements to die of"
            return
        yield number


def jobs_of(storage: Storage) -> list[str]:
    return [job.id for job in storage.operator.find(ALL, 1000, None)[0]]


def check(storage: Storage) -> None:
    """Fail unless the schema is whole and all rows fit together."""
    assert storage.schema.describe()["pending_migrations"] == []
    assert [rule.told for rule in verify(storage.checkup) if rule.level is not Level.OK] == []


def fill_and_leave(storage: Storage, clock: FakeClock) -> None:
    """Fill a database and leave nobody registered there."""
    fill(storage, clock)
    storage.registry.retire_host("host-a")


def do(url: str, act: Callable[[Storage], object]) -> None:
    with contextlib.closing(opened(url)) as storage:
        act(storage)


def test_creating_it(backend: Backend) -> None:
    backend.blank(FakeClock()).schema.describe()
    for _number in each_death(lambda: do(backend.url, lambda its: its.schema.create())):
        storage = backend.open(FakeClock())
        assert len(enqueue_some(storage, 3)) == 3
        check(storage)
        storage.schema.drop()


def test_migrating_a_file(tmp_path: Path) -> None:
    old = Old(tmp_path / "old.sqlite")
    path = tmp_path / "queue.sqlite"
    url = f"sqlite:///{path}"
    shutil.copy(old.path, path)
    for _number in each_death(lambda: do(url, lambda its: its.schema.migrate())):
        with contextlib.closing(opened(url)) as storage:
            assert sorted(jobs_of(storage)) == sorted(old.ids)
            storage.registry.announce_host(a_host("host-a"))  # it was there already, and goes on
            check(storage)
        for left in tmp_path.glob("queue.sqlite*"):
            left.unlink()
        shutil.copy(old.path, path)


def test_migrating_a_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = BACKENDS["postgres"](tmp_path)
    first, known = migrations("postgres")[:1], migrations("postgres")

    def know(versions: object) -> None:
        for module in (migrating, schema_module):
            monkeypatch.setattr(module, "migrations", lambda _backend: versions)

    def make_old() -> None:
        know(first)
        backend.blank(FakeClock()).schema.create()
        know(known)

    make_old()
    for _number in each_death(lambda: do(backend.url, lambda its: its.schema.migrate())):
        storage = backend.blank(FakeClock())
        assert storage.schema.describe()["pending_migrations"] in ([], [name for _n, name, _t in known[1:]])
        storage.schema.migrate()
        enqueue_some(storage, 3)
        check(storage)
        storage.schema.drop()
        make_old()
    backend.close()


@pytest.fixture
def other(backend: Backend, tmp_path: Path) -> Iterator[Backend]:
    """A database of the other kind."""
    (tmp_path / "other").mkdir()
    (made,) = (make(tmp_path / "other") for make in BACKENDS.values() if make is not type(backend))
    yield made
    made.close()


def test_copying_it(backend: Backend, other: Backend, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every third statement: there are some hundred and fifty."""
    monkeypatch.setattr(moving, "PAGE", 6)
    source = backend.open(clock)
    fill_and_leave(source, clock)
    before = jobs_of(source)

    def copy() -> None:
        with contextlib.closing(opened(backend.url)) as old, contextlib.closing(opened(other.url)) as new:
            moving.copy(old, new)

    target = other.open(clock)
    for _number in each_death(copy, step=3):
        assert jobs_of(target) in ([], before)
        if not jobs_of(target):
            moving.copy(source, target)
        assert jobs_of(target) == jobs_of(source) == before
        check(target)
        check(source)
        target.schema.reset()


def test_emptying_it(backend: Backend, clock: FakeClock) -> None:
    storage = backend.open(clock)
    fill_and_leave(storage, clock)
    for _number in each_death(lambda: do(backend.url, lambda its: its.schema.reset())):
        there = jobs_of(storage)
        assert len(there) in (0, 15)
        assert bool(there) == bool(storage.queue_config.queues()) == bool(storage.schedules.all())
        check(storage)
        if not there:
            fill_and_leave(storage, clock)


def test_removing_a_schema(tmp_path: Path, clock: FakeClock) -> None:
    backend = BACKENDS["postgres"](tmp_path)
    storage = backend.open(clock)
    enqueue_some(storage, 3)
    for _number in each_death(lambda: do(backend.url, lambda its: its.schema.drop())):
        storage.schema.create()
        assert len(jobs_of(storage)) in (0, 3)
        check(storage)
        if not jobs_of(storage):
            enqueue_some(storage, 3)
    backend.close()
