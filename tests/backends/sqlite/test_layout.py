"""Where things are put: what is large stands beside its row, and goes with it."""

from __future__ import annotations

import apsw
import pytest

from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter
from forge_jobs.storage.sqlite.rows import INLINE_BYTES
from tests.support.builders import a_queue, enqueue, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def json_of(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'


def bodies(connection: apsw.Connection) -> list[tuple[bool, bool]]:
    return connection.execute("SELECT payload IS NOT NULL, result IS NOT NULL FROM job_body ORDER BY seq").fetchall()


def inline(connection: apsw.Connection) -> list[tuple[bool, bool]]:
    return connection.execute("SELECT payload IS NOT NULL, result IS NOT NULL FROM job ORDER BY seq").fetchall()


@pytest.mark.parametrize(("size", "beside"), [(2, False), (INLINE_BYTES, False), (INLINE_BYTES + 1, True)])
def test_a_payload_over_1_kib_stands_beside_its_row(
    storage: Storage, connection: apsw.Connection, size: int, beside: bool
) -> None:
    enqueue(storage, payload=json_of(size))

    assert inline(connection) == [(not beside, False)]
    assert bodies(connection) == ([(True, False)] if beside else [])


def test_a_bulk_with_one_large_payload_puts_only_that_beside(storage: Storage, connection: apsw.Connection) -> None:
    for size in (10, 2000, 10):
        enqueue(storage, payload=json_of(size))

    assert inline(connection) == [(True, False), (False, False), (True, False)]


def test_a_result_over_1_kib_stands_beside_its_row(storage: Storage, connection: apsw.Connection) -> None:
    enqueue(storage, payload=json_of(2000))
    enqueue(storage)
    hand = Hand(storage)
    hand.finish(result=json_of(2000))
    hand.finish(result=json_of(2000))

    assert inline(connection) == [(False, False), (True, False)]
    assert bodies(connection) == [(True, True), (False, True)]


def orphans(connection: apsw.Connection) -> int:
    ((found,),) = connection.execute(
        "SELECT (SELECT count(*) FROM job_body WHERE seq NOT IN (SELECT seq FROM job))"
        " + (SELECT count(*) FROM job_error WHERE seq NOT IN (SELECT seq FROM job))"
    ).fetchall()
    return int(found)


@pytest.mark.parametrize("how", ["delete", "prune"])
def test_nothing_is_left_of_a_job_that_goes(
    storage: Storage, connection: apsw.Connection, clock: FakeClock, how: str
) -> None:
    a_queue(storage, keep_done=1, keep_dead=1)
    enqueue(storage, payload=json_of(2000))
    enqueue(storage, payload=json_of(2000))
    hand = Hand(storage)
    hand.fail(message="once")
    hand.finish(result=json_of(2000))
    hand.bury_one()
    clock.advance(days=2)
    if how == "delete":
        storage.operator.delete(JobFilter(), 10, 0)
    else:
        assert storage.upkeep.prune(10) == 2

    assert (inline(connection), bodies(connection), orphans(connection)) == ([], [], 0)


def test_a_job_keeps_its_row_through_its_life(storage: Storage, connection: apsw.Connection) -> None:
    job_id = enqueue(storage)
    hand = Hand(storage)
    seqs = []
    for end in (hand.fail, hand.bury_one):
        end()
        seqs += connection.execute("SELECT seq FROM job").fetchall()
    storage.operator.retry(only(job_id), 1, 0)
    hand.finish()
    seqs += connection.execute("SELECT seq FROM job").fetchall()

    assert len(set(seqs)) == 1
    assert storage.operator.statuses([job_id]) == {job_id: Status.DONE}


def test_an_exchange_that_ends_nothing_leaves_no_tally(storage: Storage, connection: apsw.Connection) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.hand_in(hand.back(hand.take()))

    assert connection.execute("SELECT count(*) FROM tally").fetchall() == [(0,)]


def test_an_exchange_leaves_one_tally_for_each_queue_and_outcome(storage: Storage, connection: apsw.Connection) -> None:
    for _ in range(5):
        enqueue(storage)
    hand = Hand(storage)
    a, b, c, d, e = hand.claim(rows=5)
    hand.hand_in(hand.done(a), hand.done(b), hand.done(c), hand.failed(d, wait=9), hand.dead(e))

    assert sorted(connection.execute("SELECT host_id, queue, outcome, change FROM tally")) == [
        ("host-a", "default", "dead", 1),
        ("host-a", "default", "done", 3),
        ("host-a", "default", "failed", 1),
    ]


def test_folding_leaves_one_tally_for_each_host_queue_and_outcome(
    storage: Storage, connection: apsw.Connection
) -> None:
    connection.execute(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO tally (host_id, queue, outcome, change) SELECT 'gone', 'q' || (i % 2), 'done', 1 FROM n"
    )

    storage.upkeep.fold_tallies()

    assert sorted(connection.execute("SELECT host_id, queue, outcome, change FROM tally")) == [
        (None, "q0", "done", 500),
        (None, "q1", "done", 500),
    ]
