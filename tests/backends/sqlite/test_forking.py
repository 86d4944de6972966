"""A process that has the database open may be forked: no connection crosses the fork."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from forge_jobs.errors import ForkedProcess
from forge_jobs.storage import Storage, close_idle, open_storage
from forge_jobs.storage.sqlite.opening import has_open
from forge_jobs.storage.sqlite.storage import SqliteStorage
from tests.support.builders import a_job, enqueue, record
from tests.support.forking import fork, in_child


def test_the_connection_is_closed_before_the_fork(storage: Storage, path: Path) -> None:
    enqueue(storage)
    assert has_open(path)

    assert in_child(lambda: str(has_open(path))) == "False"


def test_both_sides_go_on(storage: Storage) -> None:
    before = enqueue(storage)
    child = fork(lambda: enqueue(storage))
    mine = enqueue(storage)
    theirs = child()

    assert set(storage.operator.statuses([before, mine, theirs])) == {before, mine, theirs}


def test_parent_and_children_write_at_once_and_nothing_is_lost(storage: Storage) -> None:
    enqueue(storage)

    def write() -> str:
        return " ".join(enqueue(storage) for _ in range(100))

    children = [fork(write) for _ in range(3)]
    ids = [enqueue(storage) for _ in range(100)]
    for child in children:
        ids += child().split()

    assert len(set(ids)) == 400
    assert len(storage.operator.statuses(ids)) == 400


def test_threads_that_fork_at_once_let_each_other_go_on(storage: Storage) -> None:
    """In a process of its own, whose end shows whether any of its threads waits for ever."""

    def forks(_thread: int) -> None:
        for _ in range(100):
            assert in_child(lambda: "there") == "there"

    def child() -> str:
        over = threading.Event()

        def writes() -> None:
            while not over.is_set():
                enqueue(storage)

        writer = threading.Thread(target=writes)
        writer.start()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(forks, range(3)))
        over.set()
        writer.join()
        return enqueue(storage)

    assert storage.operator.statuses([in_child(child)])


def test_children_see_the_locks_of_their_parent(storage: Storage, path: Path) -> None:
    """SQLite's own table of locks is in process memory: a connection that crossed the fork would believe it."""
    enqueue(storage)
    child = fork(lambda: str(storage.operator.counts()["default"].pending))
    assert child() == "1"

    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    assert in_child(lambda: _attempt(path)) == "busy"
    other.execute("ROLLBACK")
    other.close()


def _attempt(path: Path) -> str:
    connection = apsw.Connection(str(path))
    try:
        connection.execute("BEGIN IMMEDIATE")
    except apsw.BusyError:
        return "busy"
    return "got it"


def test_a_child_that_is_forked_in_the_middle_of_a_write_cannot_use_the_database(storage: Storage) -> None:
    assert isinstance(storage, SqliteStorage)
    enqueue(storage)

    def child() -> str:
        with pytest.raises(ForkedProcess, match="was forked while its parent was writing"):
            enqueue(storage)
        with pytest.raises(ForkedProcess):
            storage.operator.counts()
        return "refused"

    with storage._database.writing() as connection:
        connection.execute("INSERT INTO tally (queue, outcome, change) VALUES ('x', 'done', 1)")
        assert in_child(child) == "refused"

    assert storage.operator.counts()["x"].done == 1


def test_ids_of_a_child_do_not_meet_those_of_its_parent(storage: Storage) -> None:
    job = a_job()
    child = fork(lambda: storage.producer.enqueue([a_job() for _ in range(200)])[0].id)
    storage.producer.enqueue([job, *(a_job() for _ in range(200))])

    assert child() != job.id
    assert storage.operator.counts()["default"].pending == 401


def test_idle_connections_can_be_closed_all_at_once(storage: Storage, path: Path) -> None:
    job_id = enqueue(storage)
    other = open_storage(f"sqlite:///{path}")
    record(other, job_id)
    assert has_open(path)

    close_idle()

    assert not has_open(path)
    assert record(storage, job_id).id == job_id
    other.close()
