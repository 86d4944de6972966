"""The caller's own apsw connection, and transactions within transactions."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from forge_jobs.errors import InvalidValue
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import done
from tests.support.builders import a_job, enqueue
from tests.support.hands import Hand


def test_a_connection_to_another_file_is_refused(storage: Storage, tmp_path: Path) -> None:
    storage.operator.counts()
    other = apsw.Connection(str(tmp_path / "other.sqlite"))
    other.execute("BEGIN")

    with pytest.raises(InvalidValue, match=r"connection is open on .*other.sqlite, the jobs are in .*queue.sqlite"):
        storage.producer.enqueue([a_job()], other)


def test_a_connection_to_no_file_is_refused(storage: Storage) -> None:
    storage.operator.counts()
    memory = apsw.Connection(":memory:")
    memory.execute("BEGIN")

    with pytest.raises(InvalidValue, match="connection is open on no file"):
        storage.producer.enqueue([a_job()], memory)


def test_the_callers_row_factory_and_hooks_are_left_alone(storage: Storage, path: Path) -> None:
    storage.operator.counts()
    seen: list[str] = []
    connection = apsw.Connection(str(path))
    connection.row_trace = lambda _cursor, row: {"columns": len(row)}
    connection.set_commit_hook(lambda: bool(seen.append("commit")))
    with connection:
        (first,) = storage.producer.enqueue([a_job(unique_key="k")], connection)
        (again,) = storage.producer.enqueue([a_job(unique_key="k")], connection)

    assert (again.id, again.deduplicated) == (first.id, True)
    assert connection.execute("SELECT 1, 2").fetchall() == [{"columns": 2}]
    assert seen == ["commit"]


def test_a_transaction_within_the_handlers_is_refused_at_once(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    end = done(claim, hand.process_id, b"1", 1, 2)

    with storage.worker_queue.completing(lambda: end):
        with pytest.raises(InvalidValue, match=r"enqueue with connection=transaction\.connection"):
            enqueue(storage)
        assert storage.operator.counts()["default"].in_progress == 1

    assert storage.operator.counts()["default"].done == 1
