"""Following what happens: each thing once, in order, whatever comes between two looks."""

from __future__ import annotations

from typing import Any

import pytest

from forge_jobs import following
from forge_jobs.clock import MICROSECONDS, SystemClock
from forge_jobs.errors import DatabaseError
from forge_jobs.following import Follower
from forge_jobs.ids import first_id_at, new_job_id
from forge_jobs.model.happenings import Happening
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from tests.support.builders import ALL, a_queue, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand


@pytest.fixture(autouse=True)
def _there(storage: Storage) -> None:
    storage.schema.create()


def told(follower: Follower) -> list[tuple[str, str]]:
    """Look until there is no more and return the events with their jobs."""
    found: list[Happening] = []
    more = True
    while more:
        some, more = follower.look()
        found += some
    return [(happening.name, happening.job.id) for happening in found]


def test_what_was_before_is_not_told(storage: Storage, clock: FakeClock) -> None:
    enqueue_some(storage, 4)
    hand = Hand(storage)
    hand.finish()
    hand.bury_one()
    hand.fail(wait=60)
    hand.take()
    clock.advance(1)

    assert told(Follower(storage)) == []


def test_each_thing_is_told_once_and_in_order(storage: Storage, clock: FakeClock) -> None:
    follower = Follower(storage)
    a = enqueue(storage)
    assert told(follower) == [("enqueued", a)]
    clock.advance(1)
    hand = Hand(storage)
    claim = hand.take()
    assert told(follower) == [("started", a)]
    clock.advance(1)
    hand.hand_in(hand.failed(claim, wait=5, message="no luck"))
    assert told(follower) == [("failed", a)]
    clock.advance(5)
    storage.upkeep.open_due(10)
    claim = hand.take()
    assert told(follower) == [("started", a)]
    clock.advance(1)
    hand.hand_in(hand.done(claim))
    b = enqueue(storage)
    assert told(follower) == [("enqueued", b), ("done", a)]
    clock.advance(1)
    hand.bury_one(message="hopeless")
    assert told(follower) == [("dead", b)]
    assert told(follower) == []
    clock.advance(60)
    assert told(follower) == []


def test_a_job_that_was_there_already_is_no_news(storage: Storage) -> None:
    follower = Follower(storage)
    job_id = enqueue(storage, unique_key="k")
    enqueue(storage, unique_key="k")

    assert told(follower) == [("enqueued", job_id)]


def test_what_begins_and_ends_between_two_looks_is_told_by_its_end(storage: Storage, clock: FakeClock) -> None:
    follower = Follower(storage)
    job_id = enqueue(storage)
    clock.advance(1)
    Hand(storage).finish()

    assert told(follower) == [("enqueued", job_id), ("done", job_id)]


def test_a_dead_job_is_told_with_its_error(storage: Storage) -> None:
    follower = Follower(storage)
    enqueue_some(storage, 2)
    hand = Hand(storage)
    hand.bury_one(message="hopeless")
    hand.fail(wait=9, message="no luck")

    found, _more = follower.look()
    errors = {h.name: h.job.error.message for h in found if h.job.error is not None}
    assert errors == {"dead": "hopeless", "failed": "no luck"}
    failed = next(h for h in found if h.name == "failed")
    assert (failed.at, failed.job.next_at) == (storage.clock.now(), storage.clock.now() + 9 * MICROSECONDS)


def test_a_cancelled_job_is_told_as_dead(storage: Storage) -> None:
    follower = Follower(storage)
    job_id = enqueue(storage)
    storage.operator.cancel(only(job_id), 1, 0)

    assert ("dead", job_id) in told(follower)


@pytest.mark.parametrize(
    ("filters", "events"),
    [
        ({"queue": "other"}, {("enqueued", "other")}),
        ({"kind": "work"}, {("enqueued", "default"), ("done", "default")}),
        ({"statuses": [Status.DONE, Status.DEAD]}, {("done", "default")}),
        ({"statuses": []}, {("enqueued", "default"), ("enqueued", "other"), ("done", "default")}),
    ],
)
def test_only_what_is_asked_for_is_told(storage: Storage, filters: dict[str, Any], events: set[Any]) -> None:
    follower = Follower(storage, **filters)
    enqueue(storage)
    enqueue(storage, "special", queue="other")
    Hand(storage).finish()

    found, _more = follower.look()

    assert {(happening.name, happening.job.queue) for happening in found} == events


def test_many_things_at_once_are_all_told(storage: Storage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAGE", 7)
    monkeypatch.setattr(following, "KEYS_BACK", 3)
    follower = Follower(storage)
    ids = enqueue_some(storage, 50)
    hand = Hand(storage)
    for _ in ids:
        hand.finish()
        clock.advance(0.1)

    assert sorted(told(follower)) == sorted([(name, i) for name in ("enqueued", "done") for i in ids])


def test_ends_that_come_late_are_told(storage: Storage, clock: FakeClock) -> None:
    follower = Follower(storage)
    a, b = enqueue_some(storage, 2)
    hand = Hand(storage)
    first, second = hand.claim(rows=2)
    early = hand.done(first)
    clock.advance(1)
    hand.hand_in(hand.done(second))
    assert ("done", b) in told(follower)

    hand.hand_in(early)  # it ended before the other, and is recorded after it

    assert told(follower) == [("done", a)]


def test_new_jobs_are_told_though_the_last_ones_were_removed(storage: Storage) -> None:
    a_queue(storage)
    follower = Follower(storage)
    enqueue_some(storage, 3)
    told(follower)
    storage.operator.delete(ALL, 10, 0)
    told(follower)

    new = enqueue_some(storage, 2)

    assert told(follower) == [("enqueued", i) for i in new]


def test_since_tells_what_has_happened(storage: Storage, clock: FakeClock) -> None:
    old = enqueue(storage)
    hand = Hand(storage)
    hand.finish()
    clock.advance(100)
    new = enqueue(storage)
    hand.finish()

    follower = Follower(storage, since=clock.now() - 50 * MICROSECONDS, statuses=[Status.DONE])
    assert told(follower) == [("done", new)]
    follower = Follower(storage, since=clock.now() - 500 * MICROSECONDS, statuses=[Status.DONE])
    assert told(follower) == [("done", old), ("done", new)]


def test_a_key_is_found_by_time(storage: Storage) -> None:
    before = SystemClock().now()
    ids = enqueue_some(storage, 3)

    assert [job.id for job in storage.news.enqueued(storage.news.key_at(before - MICROSECONDS), 10)] == ids
    assert storage.news.enqueued(storage.news.key_at(SystemClock().now() + 10 * MICROSECONDS), 10) == []


def test_an_empty_database_has_no_news(storage: Storage) -> None:
    assert storage.news.newest() == 0
    assert told(Follower(storage, since=0)) == []


def test_what_was_seen_before_the_database_went_away_is_told_after_it(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(storage)
    job_id = enqueue(storage)

    def fail(_limit: int) -> None:
        raise DatabaseError("away")

    with monkeypatch.context() as patch:
        patch.setattr(storage.news, "running", fail)
        with pytest.raises(DatabaseError):
            follower.look()

    assert told(follower) == [("enqueued", job_id)]


def test_the_first_id_of_an_instant_is_not_after_those_born_then() -> None:
    before = SystemClock().now()
    born = new_job_id()
    after = SystemClock().now()

    assert first_id_at(before - 1000) <= born < first_id_at(after + 2000)
