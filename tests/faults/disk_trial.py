"""One trial on a disk that lies: a copy of a database, a program that has it open, and what comes after it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import NamedTuple

import apsw

from forge_jobs.errors import DatabaseError
from forge_jobs.model.checks import Level
from forge_jobs.storage import Storage, open_storage
from forge_jobs.verifying import verify
from tests.faults.acts import ACTS, SQLITE_ACTS, WAITING, Act, Prepare
from tests.faults.disk import Disk, Fault
from tests.faults.rows import Digest, digest, rules_hold
from tests.support.clock import FakeClock


def _checkpointed(storage: Storage) -> Act:
    def checkpoint() -> None:
        with storage.upkeep._database.reading() as connection, contextlib.suppress(apsw.BusyError):  # type: ignore[attr-defined]
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    storage.operator.run_now(WAITING, 100, 0)
    storage.queue_config.change_queue("default", {"max_workers": 3})
    storage.limits.acquire(["slack"], 1)
    return checkpoint


CHECKPOINT = "checkpoint"
HERE: dict[str, Prepare] = ACTS | SQLITE_ACTS | {CHECKPOINT: _checkpointed}


class Trial:
    """A program that works on a copy of a database."""

    def __init__(self, disk: Disk, before: Path, directory: Path) -> None:
        directory.mkdir()
        self.disk = disk
        self.path = Path(shutil.copy(before, directory))
        disk.disarm()
        disk.forget()
        self.clock = FakeClock()
        self.storage = self.open()

    def open(self, deadline: float = 2.0) -> Storage:
        return open_storage(f"sqlite:///{self.path}", clock=self.clock, deadline=deadline)

    def reopened(self) -> Storage:
        """Return the database as the next program finds it."""
        self.storage.close()
        if self.disk.power_is_off:
            self.disk.restart()
        self.disk.disarm()
        self.storage = self.open()
        return self.storage

    def acknowledged(self, act: Act) -> bool:
        """Do something; return whether it was acknowledged. It raises nothing but a sentence."""
        told = self.told(act)
        assert told is None or str(self.path) in told
        return told is None

    def told(self, act: Act) -> str | None:
        """Do something; return the sentence of why it was not done, if it was not."""
        try:
            act()
        except DatabaseError as error:
            return str(error)
        return None

    def close(self) -> None:
        """Remove everything."""
        self.storage.close()
        shutil.rmtree(self.path.parent)


class ActTrial(Trial):
    """One act."""

    def __init__(self, disk: Disk, before: Path, directory: Path, name: str) -> None:
        super().__init__(disk, before, directory)
        self.act = HERE[name](self.storage)


class Whole(NamedTuple):
    """An act on a good disk: its writes and synchronizations, and all rows at first, before it and after it."""

    operations: int
    at_first: Digest
    before: Digest
    after: Digest


def whole(disk: Disk, lived_in: Path, directory: Path, name: str) -> Whole:
    """Do an act on a good disk; it must be seen there, and in the rows unless it is a checkpoint."""
    trial = Trial(disk, lived_in, directory / "whole")
    at_first = digest(trial.storage)
    act = HERE[name](trial.storage)
    before = digest(trial.storage)
    disk.arm(Fault.DELAYED, 0)
    act()
    operations = disk.operations
    after = digest(trial.reopened())
    trial.close()
    assert operations
    assert (after == before) == (name == CHECKPOINT)
    return Whole(operations, at_first, before, after)


def integrity(storage: Storage) -> list[str]:
    """Return what SQLite finds in all of the file, ``ok`` alone where it is sound."""
    with storage.upkeep._database.reading() as connection:  # type: ignore[attr-defined]
        return [str(told) for (told,) in connection.execute("PRAGMA integrity_check")]


def sound(storage: Storage) -> None:
    """Fail where the file is damaged or its rows do not fit together."""
    rules_hold(storage)
    assert integrity(storage) == ["ok"]


def rows_unless_told(trial: Trial) -> Digest | None:
    """Return all rows that the next program finds, or None where it is told that they are damaged, in a sentence.

    Fails where damage passes for a sound file: SQLite finds it, and a look at the whole database does not.
    """
    found: list[tuple[bool, list[str], Digest]] = []

    def look() -> None:
        storage = trial.reopened()
        checks = [*storage.checkup.checks(deep=True), *verify(storage.checkup)]
        told = any(check.level is Level.PROBLEM for check in checks if check.name != "free space")
        found.append((told, integrity(storage), digest(storage)))

    if not trial.acknowledged(look):
        return None
    ((told, damage, rows),) = found
    assert told or damage == ["ok"]
    return None if told else rows


def chosen(operations: int, number: int, others: int) -> list[int]:
    """Return at which operations there is a trial: at the first and the last, and at every few of those between.

    ``number`` says which of ``others`` ways of failing this is: together they meet every operation.
    """
    return sorted({1, operations, *range(2 + number, operations, others)})
