"""Metrics: noted in the transactions themselves, folded once, and right at once."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest

from forge_jobs import moving
from forge_jobs.clock import MICROSECONDS
from forge_jobs.measuring import StatsReader
from forge_jobs.model.histogram import Histogram
from forge_jobs.model.limits import rate_limit
from forge_jobs.model.metrics import MINUTE, Gauges, Measure
from forge_jobs.model.states import Cause, Status
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim, Ended, given_back
from tests.support.backends import Backend
from tests.support.builders import a_job, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.limits import declare, give_out

ALWAYS = 2**60


def measured(storage: Storage, kind: str = "work", queue: str = "default") -> Measure:
    return storage.metrics.totals().get((queue, kind), Measure())


def numbers(measure: Measure) -> dict[str, int]:
    """Return the counts that are not zero."""
    named = {name: getattr(measure, name) for name in (*measure.__struct_fields__, "started")}
    return {name: number for name, number in named.items() if isinstance(number, int) and number}


def an_end(hand: Hand, claim: Claim, status: Status, cause: Cause | None, **more: Any) -> Ended:
    error = None if cause is None else hand.error(claim, "said so", cause)
    return hand.ended(claim, status, error=error, **more)


def test_enqueued_jobs_are_counted_by_queue_and_kind_and_those_that_were_there_are_not(storage: Storage) -> None:
    jobs = [a_job("x"), a_job("x"), a_job("y", queue="media"), a_job("x", unique_key="k"), a_job("x", unique_key="k")]
    storage.producer.enqueue(jobs)
    enqueue(storage, "x", unique_key="k")
    enqueue(storage, "y", queue="media")
    storage.producer.enqueue([a_job("x"), a_job("y", queue="media")])

    assert numbers(measured(storage, "x")) == {"enqueued": 4}
    assert numbers(measured(storage, "y", "media")) == {"enqueued": 3}
    assert storage.metrics.totals().keys() == {("default", "x"), ("media", "y")}


@pytest.mark.parametrize(
    ("status", "cause", "counted"),
    [
        (Status.DONE, None, {"done"}),
        (Status.FAILED, Cause.ERROR, {"failed", "retried"}),
        (Status.FAILED, Cause.TIMEOUT, {"failed", "retried", "timed_out"}),
        (Status.FAILED, Cause.CRASHED, {"failed", "retried", "crashed"}),
        (Status.DEAD, Cause.ERROR, {"failed", "dead"}),
        (Status.DEAD, Cause.OUT_OF_MEMORY, {"failed", "dead", "out_of_memory"}),
        (Status.DEAD, Cause.KILLED, {"failed", "dead", "crashed"}),
        (Status.DEAD, Cause.LOST, {"failed", "dead", "crashed"}),
        (Status.DEAD, Cause.CANCELLED, {"dead", "cancelled"}),
        (Status.PENDING, None, {"put_back"}),
    ],
)
def test_every_end_is_counted_as_what_it_is(
    storage: Storage, status: Status, cause: Cause | None, counted: set[str]
) -> None:
    enqueue(storage)
    hand = Hand(storage)
    back = {"attempt_back": True} if status is Status.PENDING else {}
    claim = hand.take()

    assert hand.hand_in(an_end(hand, claim, status, cause, cpu_time=9, **back)) == []

    told = numbers(measured(storage))
    assert told == dict.fromkeys(counted, 1) | {"enqueued": 1, "claimed": 1, "started": 1, "cpu": 9}
    assert (measured(storage).wait.count, measured(storage).run.count) == (1, 1)


def test_a_claim_that_never_started_is_no_start(storage: Storage, clock: FakeClock) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    one, _other = hand.claim(rows=2)
    hand.hand_in(given_back(one, hand.process_id, clock.now()))
    assert storage.worker_queue.give_back_unknown(hand.process_id, []) == 1

    measure = measured(storage)
    assert numbers(measure) == {"enqueued": 2, "claimed": 2, "unstarted": 2}
    assert (measure.started, measure.run.count) == (0, 0)


def test_jobs_that_end_without_a_worker_are_counted(storage: Storage, clock: FakeClock) -> None:
    storage.operator.cancel(only(enqueue(storage), enqueue(storage)), 10, 0)
    enqueue(storage, expires_at=clock.now() + 1)
    clock.advance(1)
    assert storage.upkeep.expire(10) == 1

    assert numbers(measured(storage)) == {"enqueued": 3, "dead": 3, "cancelled": 2, "expired": 1}


def test_what_a_dead_process_leaves_is_counted(storage: Storage) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    one, other = hand.claim(rows=2)
    ends = [an_end(hand, one, Status.FAILED, Cause.KILLED), hand.done(other)]

    storage.registry.bury(hand.process_id, ends, "host-b")

    told = {"enqueued": 2, "claimed": 2, "started": 2, "done": 1, "failed": 1, "retried": 1, "crashed": 1}
    assert numbers(measured(storage)) == told


def test_a_job_committed_by_its_handler_is_counted(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    with storage.worker_queue.completing(lambda: hand.done(claim)):
        pass

    assert numbers(measured(storage)) == {"enqueued": 1, "claimed": 1, "started": 1, "done": 1}


def test_an_exchange_that_is_repeated_or_refused_counts_once(storage: Storage) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    one, other = hand.claim(rows=2)
    hand.hand_in(hand.done(one))
    hand.hand_in(hand.done(one), hand.done(other))
    hand.hand_in(hand.failed(one))

    assert numbers(measured(storage)) == {"enqueued": 2, "claimed": 2, "started": 2, "done": 2}


def test_waiting_begins_when_a_job_might_start_and_running_when_it_did(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage, delay=10 * MICROSECONDS)
    clock.advance(12)
    storage.upkeep.open_due(10)
    hand = Hand(storage)
    claim = hand.take()
    began = clock.advance(1)
    end = msgspec.structs.replace(hand.done(claim), started_at=began, finished_at=began + 4 * MICROSECONDS)
    hand.hand_in(end)

    measure = measured(storage)
    assert (measure.wait.sum, measure.run.sum) == (3 * MICROSECONDS, 4 * MICROSECONDS)


def test_a_retry_waits_from_when_it_is_due(storage: Storage, clock: FakeClock) -> None:
    enqueue(storage)
    hand = Hand(storage)
    hand.fail(wait=60)
    clock.advance(65)
    storage.upkeep.open_due(10)
    hand.finish()

    assert measured(storage).wait == Histogram.of([0, 5 * MICROSECONDS])


def test_nothing_that_did_not_happen_is_noted(storage: Storage) -> None:
    hand = Hand(storage)
    assert hand.claim() == []
    assert hand.hand_in() == []
    storage.producer.enqueue([])

    assert storage.metrics.totals() == {}
    assert storage.metrics.fold(10) == 0


def test_claims_of_kinds_with_limits_are_counted_too(storage: Storage) -> None:
    storage.limits.set_rate_limit(rate_limit("s", capacity=2, day=1))
    declare(storage, max_running=1, rate_limits=("s",))
    enqueue_some(storage, 3)
    enqueue(storage, "free")
    hand = Hand(storage, kinds=("work", "free"))
    for _ in range(4):
        give_out(storage)
        for claim in hand.claim(rows=4):
            hand.hand_in(hand.done(claim))

    assert numbers(measured(storage)) == {"enqueued": 3, "claimed": 2, "started": 2, "done": 2}
    assert numbers(measured(storage, "free")) == {"enqueued": 1, "claimed": 1, "started": 1, "done": 1}


def work(storage: Storage, clock: FakeClock) -> None:
    """Let things happen in three minutes, in two queues."""
    for queue in ("default", "media"):
        enqueue_some(storage, 4, queue=queue)
        hand = Hand(storage, queue=queue)
        for seconds in (1, 61, 61):
            clock.advance(seconds)
            hand.finish()
        hand.bury_one()


def test_folding_in_slices_changes_nothing_that_is_told(storage: Storage, clock: FakeClock) -> None:
    work(storage, clock)
    views = [dict(storage.metrics.totals()), dict(storage.metrics.between(0, ALWAYS, step=MINUTE))]
    slices = 0

    while storage.metrics.fold(3) == 3:
        slices += 1
        told = [dict(storage.metrics.totals()), dict(storage.metrics.between(0, ALWAYS, step=MINUTE))]
        assert told == views

    assert slices > 3
    assert [dict(storage.metrics.totals()), dict(storage.metrics.between(0, ALWAYS, step=MINUTE))] == views
    assert storage.metrics.fold(3) == 0


def test_what_comes_after_folding_is_added(storage: Storage, clock: FakeClock) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    hand.finish()
    storage.metrics.fold(100)
    hand.finish()
    assert measured(storage).done == 2
    storage.metrics.fold(100)
    assert measured(storage).done == 2
    (measure,) = storage.metrics.between(clock.now(), clock.now() + MINUTE).values()
    assert measure == measured(storage)


def test_two_who_fold_at_once_count_everything_once(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    for _ in range(60):
        enqueue(storage)
    storages = [backend.open(clock) for _ in range(3)]
    start = threading.Barrier(3)

    def fold(one: Storage) -> None:
        start.wait()
        for _ in range(40):
            one.metrics.fold(7)

    threads = [threading.Thread(target=fold, args=(one,)) for one in storages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert measured(storage).enqueued == 60
    (minute,) = storage.metrics.between(0, ALWAYS).values()
    assert minute.enqueued == 60
    assert storage.metrics.fold(1) == 0


def test_what_happened_is_told_by_stretches_queues_and_kinds(storage: Storage, clock: FakeClock) -> None:
    begin = clock.now()
    work(storage, clock)

    for _ in range(2):  # not folded, and folded
        by_minute = storage.metrics.between(begin, ALWAYS, queue="default", step=MINUTE)
        assert sum(measure.done for measure in by_minute.values()) == 3
        assert len({minute for minute, _queue, _kind in by_minute}) >= 3
        assert all(minute % MINUTE == 0 and queue == "default" for minute, queue, _kind in by_minute)
        assert storage.metrics.between(begin, ALWAYS, kind="other") == {}
        last = storage.metrics.between(clock.now(), ALWAYS)
        assert {(key, measure.dead) for key, measure in last.items()} == {((0, "media", "work"), 1)}
        assert storage.metrics.between(clock.now() + MINUTE, ALWAYS) == {}
        assert storage.metrics.between(0, begin) == {}
        storage.metrics.fold(1000)


def test_what_happened_is_forgotten_in_slices_but_not_that_it_did(storage: Storage, clock: FakeClock) -> None:
    work(storage, clock)
    storage.metrics.note(Gauges(host_id="h", label="web"))
    storage.metrics.fold(1000)
    before = dict(storage.metrics.totals())

    assert storage.metrics.forget(0, 100) == 0
    assert storage.metrics.forget(clock.now() + 2 * MINUTE, 2) == 3, "two minutes and one gauge"
    while storage.metrics.forget(clock.now() + 2 * MINUTE, 2):
        pass

    assert storage.metrics.between(0, ALWAYS) == {}
    assert storage.metrics.gauges(0, ALWAYS) == []
    assert storage.metrics.totals() == before
    enqueue(storage)
    assert measured(storage).enqueued == 5


def test_gauges_are_kept_by_minute_and_host(storage: Storage, clock: FakeClock) -> None:
    begin = clock.now()
    web = Gauges(host_id="h", label="web", values={"workers": 2.0}, latency={"read": Histogram.of([7])})
    storage.metrics.note(Gauges(host_id="h", label="web", values={"workers": 1.0}))
    storage.metrics.note(web)
    storage.metrics.note(Gauges(values={"database_bytes": 5.5}))
    clock.advance(60)
    storage.metrics.note(web)

    (at, database), (_at, first), (later, second) = storage.metrics.gauges(begin, ALWAYS)
    assert (database.values, first, second) == ({"database_bytes": 5.5}, web, web)
    assert later == at + MINUTE
    assert storage.metrics.gauges(0, begin) == []


def test_the_database_says_how_large_it_is(storage: Storage) -> None:
    enqueue(storage)
    sizes = storage.metrics.sizes()

    assert sizes["database_bytes"] > 0
    assert all(isinstance(size, float) and size >= 0 for size in sizes.values())


def test_a_callers_rollback_takes_what_was_noted_with_it(storage: Storage, backend: Backend) -> None:
    enqueue(storage)
    connection = backend.connection()
    connection.execute("BEGIN")
    storage.producer.enqueue([a_job()], connection)
    connection.execute("ROLLBACK")
    connection.execute("BEGIN")
    storage.producer.enqueue([a_job(), a_job()], connection)
    connection.execute("COMMIT")

    assert measured(storage).enqueued == 3


def test_statistics_are_read_from_the_beginning_of_a_minute(storage: Storage, clock: FakeClock) -> None:
    work(storage, clock)

    stats = StatsReader(lambda: storage)
    told = stats(by="queue")
    assert [(row.queue, row.done, row.dead) for row in told.rows] == [("default", 3, 1), ("media", 3, 1)]
    assert told.until == clock.now()
    assert told.since % MINUTE == 0
    (row,) = stats(since="1s", queue="media", kind="work", by=()).rows
    assert (row.done, row.dead) == (1, 1)


def test_a_row_that_somebody_damaged_holds_up_no_other(storage: Storage, backend: Backend) -> None:
    enqueue(storage)
    enqueue(storage)
    table = f"{getattr(backend, '_schema', 'main')}.metric_entry"
    connection = backend.connection()
    connection.execute(f"UPDATE {table} SET entry = '[7]' WHERE no = (SELECT min(no) FROM {table})")

    assert measured(storage).enqueued == 1
    assert storage.metrics.fold(10) == 2
    assert measured(storage).enqueued == 1


def test_resetting_leaves_nothing(storage: Storage, clock: FakeClock) -> None:
    work(storage, clock)
    storage.metrics.fold(5)
    storage.metrics.note(Gauges(host_id="h"))

    storage.schema.reset()

    assert (storage.metrics.totals(), storage.metrics.between(0, ALWAYS), storage.metrics.gauges(0, ALWAYS)) == (
        {},
        {},
        [],
    )


def test_a_copy_has_them(storage: Storage, clock: FakeClock, backend: Backend, tmp_path: Any) -> None:
    work(storage, clock)
    storage.metrics.fold(5)
    (tmp_path / "other").mkdir()
    home = type(backend)(tmp_path / "other")
    target = home.blank(clock)

    moving.copy(storage, target)

    assert target.metrics.totals() == storage.metrics.totals() != {}
    everything = storage.metrics.between(0, ALWAYS, step=MINUTE)
    assert target.metrics.between(0, ALWAYS, step=MINUTE) == everything != {}
    home.close()
