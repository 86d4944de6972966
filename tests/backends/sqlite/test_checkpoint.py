"""The log is moved into the database file when it has grown, and nobody waits for it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from forge_jobs.storage import Storage
from forge_jobs.storage.sqlite import upkeep
from tests.support.builders import enqueue


def test_without_a_database_there_is_nothing_to_do(storage: Storage, path: Path) -> None:
    storage.upkeep.checkpoint()

    assert not path.exists()


def test_a_short_log_stays(storage: Storage, path: Path) -> None:
    enqueue(storage)
    before = path.stat().st_size
    storage.upkeep.checkpoint()

    assert path.stat().st_size == before


def test_a_long_log_is_moved_into_the_file(storage: Storage, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "CHECKPOINT_BYTES", 100_000)
    for _ in range(50):
        enqueue(storage, payload=b'"' + b"x" * 9_000 + b'"')
    before = path.stat().st_size

    storage.upkeep.checkpoint()

    assert path.stat().st_size > before + 400_000


def test_it_does_not_wait_for_readers_and_writers(
    storage: Storage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "CHECKPOINT_BYTES", 1)
    enqueue(storage)
    reader, writer = apsw.Connection(str(path)), apsw.Connection(str(path))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM job").fetchall()
    writer.execute("BEGIN IMMEDIATE")

    storage.upkeep.checkpoint()

    for other in (reader, writer):
        other.execute("ROLLBACK")
        other.close()
    assert enqueue(storage)
