"""Each transaction on a disk that fails at its first write, then at its second, and so on until none is left.

Whatever happens, the file is sound, the rows fit together, a transaction is there whole or not at all, what was
acknowledged stays, and the same program goes on when the disk is well again.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from forge_jobs.errors import DatabaseError
from forge_jobs.model.checks import Level
from forge_jobs.model.metrics import Gauges
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.records import JobFilter
from forge_jobs.verifying import verify
from tests.faults.disk import Disk, Fault
from tests.support.builders import ALL, a_host, a_queue, enqueue, enqueue_some
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.schedules import add, fire

Act = Callable[[], object]

WAITING = JobFilter(status=Status.PENDING)


def settled(storage: Storage, how: str) -> Act:
    """Return a hand-in of two claims that were made before, with a claim of one more."""
    hand = Hand(storage)
    ends = [getattr(hand, how)(claim) for claim in hand.claim(rows=2)]
    return lambda: hand.exchange(*ends)


def buried(storage: Storage) -> Act:
    hand = Hand(storage)
    ends = [hand.failed(claim) for claim in hand.claim(rows=2)]
    return lambda: storage.registry.bury(hand.process_id, ends, "host-a")


def claimed(storage: Storage) -> Act:
    hand = Hand(storage)
    return lambda: hand.claim(rows=3)


ACTS: dict[str, Callable[[Storage], Act]] = {
    "enqueue one": lambda s: lambda: enqueue(s),
    "enqueue a large one": lambda s: lambda: enqueue(s, payload=b'{"text":"' + b"x" * 20_000 + b'"}'),
    "enqueue many": lambda s: lambda: enqueue_some(s, 200),
    "enqueue with a key": lambda s: lambda: enqueue(s, unique_key="k"),
    "claim": claimed,
    "hand in done": lambda s: settled(s, "done"),
    "hand in failed": lambda s: settled(s, "failed"),
    "hand in dead": lambda s: settled(s, "dead"),
    "give back": lambda s: settled(s, "back"),
    "bury a worker": buried,
    "cancel": lambda s: lambda: s.operator.cancel(WAITING, 100, 0),
    "retry": lambda s: lambda: s.operator.retry(ALL, 100, 0),
    "delete": lambda s: lambda: s.operator.delete(ALL, 100, 0),
    "run now": lambda s: lambda: s.operator.run_now(ALL, 100, 0),
    "move": lambda s: lambda: s.operator.move(WAITING, 100, 0, "other"),
    "pause": lambda s: lambda: s.queue_config.ensure_queue(QueueSettings(name="third")),
    "open due": lambda s: _later(s, lambda: s.upkeep.open_due(100)),
    "expire": lambda s: _later(s, lambda: s.upkeep.expire(100)),
    "prune": lambda s: _later(s, lambda: s.upkeep.prune(100)),
    "announce a host": lambda s: lambda: s.registry.announce_host(a_host("host-b")),
    "announce a worker": lambda s: lambda: Hand(s),
    "beat": lambda s: lambda: s.registry.beat("host-a", []),
    "retire a host": lambda s: lambda: s.registry.retire_host("host-a"),
    "lead": lambda s: lambda: s.leadership.lead("host-a", 15.0),
    "fire a schedule": lambda s: _later(s, lambda: fire(s)),
    "add a schedule": lambda s: lambda: add(s, "another"),
    "fold metrics": lambda s: lambda: s.metrics.fold(100),
    "note a gauge": lambda s: lambda: s.metrics.note(Gauges(host_id="host-a", values={"x": 1.0})),
    "checkpoint": lambda s: lambda: _checkpoint(s),
}
"""Every kind of transaction: what prepares it, which returns what does it."""


def _later(storage: Storage, act: Act) -> Act:
    clock = storage.clock
    assert isinstance(clock, FakeClock)

    def later() -> object:
        clock.advance(40 * 86_400)
        return act()

    return later


def _checkpoint(storage: Storage) -> None:
    with storage.upkeep._database.reading() as connection, contextlib.suppress(apsw.BusyError):
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


@pytest.fixture(scope="module")
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    made.unregister()


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a database in which there is something for every act."""
    directory = tmp_path_factory.mktemp("lived-in")
    storage = open_storage(f"sqlite:///{directory / 'queue.sqlite'}", clock=FakeClock())
    a_queue(storage, "default")
    storage.registry.announce_host(a_host("host-a"))
    hand = Hand(storage)
    enqueue_some(storage, 20)
    for how in (hand.done, hand.failed, hand.dead):
        hand.hand_in(how(hand.take()))
    enqueue(storage, run_at=storage.clock.now() + 10_000_000)
    enqueue(storage, expires_at=storage.clock.now() + 10_000_000)
    add(storage)
    storage.close()
    return directory


class Trial:
    """One act on a copy of the database."""

    def __init__(self, disk: Disk, before: Path, directory: Path, name: str) -> None:
        shutil.copytree(before, directory)
        self.disk = disk
        self.path = directory / "queue.sqlite"
        disk.forget()
        self.storage = self.open()
        self.act = ACTS[name](self.storage)
        self.before = digest(self.storage)

    def open(self, clock: FakeClock | None = None) -> Storage:
        return open_storage(f"sqlite:///{self.path}", clock=clock or FakeClock(), deadline=2.0)

    def reopened(self) -> Storage:
        """Return the database as the next program finds it."""
        self.storage.close()
        if self.disk.power_is_off:
            self.disk.restart()
        self.disk.disarm()
        clock = self.storage.clock
        assert isinstance(clock, FakeClock)
        self.storage = self.open(clock)
        return self.storage


def digest(storage: Storage) -> list[tuple[Any, ...]]:
    """Return what the database holds, without what is drawn or depends on the time."""
    jobs, _ = storage.operator.find(ALL, 1000, None)
    rows: list[tuple[Any, ...]] = [
        ("job", j.queue, j.status, j.gate is None, j.attempts, j.unique_key, len(j.payload), len(j.error_history))
        for j in jobs
    ]
    rows += [("host", host.host_id) for host in storage.registry.hosts()]
    rows += [("schedule", s.name, s.last_fire_at) for s in storage.schedules.all()]
    rows += [("queue", q.name) for q in storage.queue_config.queues()]
    rows += [("counts", q, c.done, c.dead, c.failed) for q, c in storage.operator.counts().items()]
    return sorted(rows, key=repr)


def sound(storage: Storage) -> None:
    """Fail where the file is damaged or its rows do not fit together."""
    assert [c for c in verify(storage.checkup) if c.level is Level.PROBLEM] == []
    with storage.upkeep._database.reading() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("name", ACTS)
def test_a_transaction_on_a_disk_that_fails(
    disk: Disk, lived_in: Path, tmp_path: Path, name: str, fault: Fault
) -> None:
    whole = Trial(disk, lived_in, tmp_path / "whole", name)
    disk.arm(fault, 0)
    whole.act()
    operations = disk.operations
    after = digest(whole.reopened())
    whole.storage.close()
    steps = range(1, operations + 1) if operations < 40 else sorted({1, 2, operations, *range(3, operations, 7)})
    for moment in steps:
        trial = Trial(disk, lived_in, tmp_path / str(moment), name)
        disk.arm(fault, moment)
        acknowledged = _acted(trial)
        assert disk.operations >= moment
        if not disk.power_is_off:
            disk.disarm()
            _is_whole(trial, acknowledged, after)
            job_id = enqueue(trial.storage)  # the program that was hit goes on
            assert trial.storage.operator.get(job_id) is not None
            sound(trial.reopened())
        else:
            sound(trial.reopened())
            _is_whole(trial, acknowledged, after)
        trial.storage.close()
        shutil.rmtree(trial.path.parent)


def _acted(trial: Trial) -> bool:
    """Return whether the act was acknowledged; it raises nothing but a sentence."""
    told = str(trial.path)
    try:
        trial.act()
    except DatabaseError as error:
        told = str(error)
        acknowledged = False
    else:
        acknowledged = True
    assert str(trial.path) in told
    return acknowledged


def _is_whole(trial: Trial, acknowledged: bool, after: list[tuple[Any, ...]]) -> None:
    """What was acknowledged is there; what was not is there whole or not at all."""
    found = digest(trial.storage)
    assert found == after if acknowledged else found in (trial.before, after)
