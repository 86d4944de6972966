"""Each transaction on a disk that fails at its first write, then at its second, and so on until none is left.

Whatever happens, the file is sound, the rows fit together, a transaction is there whole or not at all, what was
acknowledged stays, and the same program goes on when the disk is well again.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from forge_jobs.errors import DatabaseError
from forge_jobs.storage import Storage, open_storage
from tests.faults.acts import ACTS, digest, is_whole, live_in, rules_hold
from tests.faults.disk import Disk, Fault
from tests.support.builders import enqueue
from tests.support.clock import FakeClock


def _checkpoint(storage: Storage) -> None:
    with storage.upkeep._database.reading() as connection, contextlib.suppress(apsw.BusyError):
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


HERE = ACTS | {"checkpoint": lambda storage: lambda: _checkpoint(storage)}


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
    live_in(storage)
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
        self.act = HERE[name](self.storage)
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


def sound(storage: Storage) -> None:
    """Fail where the file is damaged or its rows do not fit together."""
    rules_hold(storage)
    with storage.upkeep._database.reading() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("name", HERE)
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
            is_whole(trial.storage, acknowledged, trial.before, after)
            job_id = enqueue(trial.storage)  # the program that was hit goes on
            assert trial.storage.operator.get(job_id) is not None
            sound(trial.reopened())
        else:
            sound(trial.reopened())
            is_whole(trial.storage, acknowledged, trial.before, after)
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
