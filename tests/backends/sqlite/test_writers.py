"""Many writers at once: each gets its turn, none is told of a lock, nothing is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from forge_jobs.errors import DatabaseBusy
from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.sqlite.storage import SqliteStorage
from tests.support.builders import a_queue, enqueue, enqueue_some
from tests.support.forking import fork
from tests.support.hands import Hand


def test_threads_share_one_storage(storage: Storage) -> None:
    ids: list[list[str]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=lambda box=box: box.extend(enqueue(storage) for _ in range(50))) for box in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert storage.operator.counts()["default"].pending == 200
    assert len({i for box in ids for i in box}) == 200


def test_threads_may_have_storages_of_their_own(path: Path) -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            mine = open_storage(f"sqlite:///{path}")
            for _ in range(50):
                enqueue(mine)
                mine.operator.counts()
            mine.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    storage = open_storage(f"sqlite:///{path}")
    assert storage.operator.counts()["default"].pending == 200
    storage.close()


def test_processes_that_enqueue_and_work_at_once_lose_and_double_nothing(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    a_queue(storage)
    storage.close()

    def produce() -> str:
        mine = open_storage(f"sqlite:///{path}")
        return " ".join(enqueue(mine) for _ in range(60))

    def work() -> str:
        mine = open_storage(f"sqlite:///{path}")
        hand = Hand(mine)
        ended: list[str] = []
        claims = hand.claim(rows=8)
        while len(ended) < 30:
            ended += [c.id for c in claims]
            claims = list(hand.exchange(*map(hand.done, claims), rows=8).claims)
        ended += [c.id for c in claims]
        hand.hand_in(*map(hand.done, claims))
        return " ".join(ended)

    enqueue_some(storage, 40)
    storage.close()
    producers = [fork(produce) for _ in range(2)]
    workers = [fork(work) for _ in range(2)]
    enqueued = [job_id for child in producers for job_id in child().split()]
    worked = [job_id for child in workers for job_id in child().split()]

    assert len(set(enqueued)) == 120
    assert len(set(worked)) == len(worked) >= 60
    counts = storage.operator.counts()["default"]
    assert (counts.done, counts.in_progress, counts.pending) == (len(worked), 0, 160 - len(worked))
    storage.close()


def test_one_key_is_won_by_one_of_many(path: Path) -> None:
    open_storage(f"sqlite:///{path}").schema.create()

    def attempt() -> str:
        mine = open_storage(f"sqlite:///{path}")
        return " ".join(enqueue(mine, unique_key=f"key-{n}") for n in range(30))

    children = [fork(attempt) for _ in range(3)]
    answers = {child() for child in children}

    assert len(answers) == 1
    storage = open_storage(f"sqlite:///{path}")
    assert storage.operator.counts()["default"].pending == 30
    storage.close()


def test_a_thread_waits_for_another_no_longer_than_its_deadline(path: Path) -> None:
    storage = SqliteStorage(path, deadline=0.1)
    enqueue(storage)
    with ThreadPoolExecutor(5) as pool, storage._database.writing():
        calls = [pool.submit(storage.operator.counts) for _ in range(3)] + [pool.submit(enqueue, storage)]
        for call in calls:
            with pytest.raises(
                DatabaseBusy, match=r"another thread of this process has used the connection for 0\.1 s"
            ):
                call.result()
    storage.close()
