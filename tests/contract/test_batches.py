"""The operator's verbs in bounded batches: every one of them, by filter and by id."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forge_jobs.ids import new_job_id
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import Batch, JobFilter
from tests.support.builders import ALL, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand

Verb = Callable[[JobFilter, int, int], Batch]


def make_ready_for(verb: str, storage: Storage, number: int) -> list[str]:
    """Store jobs that the verb will change."""
    if verb == "run_now":
        return enqueue_some(storage, number, run_at=storage.clock.now() + 60_000_000)
    ids = enqueue_some(storage, number)
    if verb == "retry":
        hand = Hand(storage)
        for _ in ids:
            hand.bury_one()
    return ids


@pytest.fixture(params=["cancel", "retry", "delete", "run_now"])
def verb(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
def test_the_cursor_leads_through_every_job_once(storage: Storage, verb: str, limit: int) -> None:
    ids = make_ready_for(verb, storage, 7)
    act: Verb = getattr(storage.operator, verb)
    changed: list[str] = []
    cursor: int | None = 0
    while cursor is not None:
        batch = act(ALL, limit, cursor)
        assert len(batch.changed) <= limit
        changed += batch.changed
        cursor = batch.next

    assert sorted(changed) == sorted(ids)


def test_jobs_that_are_skipped_do_not_stop_the_cursor(storage: Storage, verb: str) -> None:
    skipped = enqueue_some(storage, 4)
    hand = Hand(storage)
    if verb == "cancel":  # a running job would be asked
        for _ in skipped:
            hand.finish()
    else:
        hand.claim(rows=4)
    wanted = make_ready_for(verb, storage, 3)
    act: Verb = getattr(storage.operator, verb)
    changed: list[str] = []
    passed: list[str] = []
    cursor: int | None = 0
    while cursor is not None:
        batch = act(ALL, 2, cursor)
        changed += batch.changed
        passed += batch.skipped
        cursor = batch.next

    assert (sorted(changed), sorted(passed)) == (sorted(wanted), sorted(skipped))


def test_a_filter_limits_what_is_changed(storage: Storage, verb: str) -> None:
    (mine,) = make_ready_for(verb, storage, 1)
    enqueue(storage, "other", queue="elsewhere")
    act: Verb = getattr(storage.operator, verb)

    batch = act(JobFilter(queue="default", kind="work"), 10, 0)

    assert (batch.changed, batch.skipped, batch.next) == ([mine], [], None)


def test_ids_and_other_fields_must_match_together(storage: Storage, verb: str) -> None:
    (mine,) = make_ready_for(verb, storage, 1)
    act: Verb = getattr(storage.operator, verb)

    assert act(JobFilter(ids=[mine], kind="other"), 10, 0) == Batch(changed=[], requested=[], skipped=[])
    assert act(JobFilter(ids=[mine], kind="work"), 10, 0).changed == [mine]


def test_ids_that_are_not_there_are_passed_over(storage: Storage, verb: str) -> None:
    (mine,) = make_ready_for(verb, storage, 1)
    act: Verb = getattr(storage.operator, verb)

    batch = act(only(new_job_id(), mine, new_job_id()), 10, 0)

    assert (batch.changed, batch.skipped) == ([mine], [])


def test_no_ids_mean_no_jobs(storage: Storage, verb: str) -> None:
    make_ready_for(verb, storage, 2)
    act: Verb = getattr(storage.operator, verb)

    assert act(only(), 10, 0) == Batch(changed=[], requested=[], skipped=[])


def test_a_verb_with_a_status_finds_it_whatever_the_batch_before_did(storage: Storage, clock: FakeClock) -> None:
    enqueue_some(storage, 5)
    hand = Hand(storage)
    for _ in range(5):
        hand.bury_one()
    dead = JobFilter(status=Status.DEAD)

    first = storage.operator.retry(dead, 3, 0)
    assert first.next is not None
    second = storage.operator.retry(dead, 3, first.next)

    assert (len(first.changed), len(second.changed), second.next) == (3, 2, None)
