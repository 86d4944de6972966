"""What an application may say about limits, cancelling and its queues."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from forge_jobs import ForgeJobs, InvalidValue
from forge_jobs.clock import as_datetime
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from tests.support.builders import a_queue, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand

LATER = datetime(2040, 1, 1, tzinfo=UTC)


# -- limits ----------------------------------------------------------------------------------------------------------


def test_a_handler_has_the_limits_it_is_declared_with(jobs: ForgeJobs) -> None:
    @jobs.handler(timeout=5, memory_limit="512MB", cancel_grace=0.5)
    def limited() -> None: ...

    @jobs.handler
    def free() -> None: ...

    assert (limited.timeout, limited.memory_limit, limited.cancel_grace) == (5.0, 512 * 2**20, 0.5)
    assert (free.timeout, free.memory_limit, free.cancel_grace) == (None, None, 5.0)


@pytest.mark.parametrize(
    "options",
    [{"timeout": 0}, {"timeout": "5"}, {"memory_limit": "1KB"}, {"memory_limit": 5}, {"cancel_grace": -1}],
)
def test_limits_out_of_range_are_refused_when_they_are_declared(jobs: ForgeJobs, options: dict[str, Any]) -> None:
    def work() -> None: ...

    with pytest.raises(InvalidValue, match=next(iter(options))):
        jobs.handler(**options)(work)
    assert len(jobs.handlers) == 0


def test_a_job_may_have_limits_of_its_own(jobs: ForgeJobs, storage: Storage) -> None:
    @jobs.handler(timeout=60)
    def resize() -> None: ...

    limits: dict[str, Any] = {"timeout": 2.5, "expires_at": LATER}

    for job in (
        resize.using(**limits).enqueue(),
        jobs.enqueue("resize", {}, **limits),
        *jobs.enqueue_bulk([("unknown", {}, limits)]),
    ):
        found = record(storage, job.id)
        assert found.time_limit == 2_500_000
        assert as_datetime(found.expires_at or 0) == LATER


def test_the_handlers_own_limit_is_not_stored_with_the_job(jobs: ForgeJobs, storage: Storage) -> None:
    """The one that counts is that of the code which runs it."""

    @jobs.handler(timeout=60)
    def resize() -> None: ...

    found = record(storage, resize.enqueue().id)

    assert (found.time_limit, found.expires_at) == (None, None)


def test_no_limit_is_rounded_to_none(jobs: ForgeJobs, storage: Storage) -> None:
    assert record(storage, jobs.enqueue("work", {}, timeout=1e-9).id).time_limit == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"expires_at": datetime(2040, 1, 1)}, "expires_at .* time zone"),
        ({"expires_at": 5}, "expires_at .* not a datetime"),
    ],
)
def test_a_bad_limit_is_refused_and_nothing_is_stored(jobs: ForgeJobs, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        jobs.enqueue("work", {}, **options)

    assert jobs.counts() == {}


# -- cancelling ------------------------------------------------------------------------------------------------------


def test_many_jobs_are_cancelled_at_once_and_it_is_told_what_became_of_each(jobs: ForgeJobs, storage: Storage) -> None:
    done, running, waiting, gone = (jobs.enqueue("work") for _ in range(4))
    hand = Hand(storage)
    hand.finish()
    hand.take()
    gone.delete()

    told = jobs.cancel(done.id, running.id, waiting.id, gone.id)

    assert (told.cancelled, told.requested) == ([waiting.id], [running.id])
    assert (told.already_finished, told.not_found) == ([done.id], [gone.id])


def test_the_jobs_that_match_are_cancelled(jobs: ForgeJobs) -> None:
    keep, drop = jobs.enqueue("keep"), jobs.enqueue("drop")
    other = jobs.enqueue("drop", queue="other")

    told = jobs.cancel(kind="drop", queue="default")

    assert told.cancelled == [drop.id]
    assert [job.refresh().status for job in (keep, drop, other)] == [Status.PENDING, Status.DEAD, Status.PENDING]


def test_everything_is_cancelled_only_by_saying_so(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("work")

    with pytest.raises(InvalidValue, match="cancel needs ids"):
        jobs.cancel()

    assert job.refresh().status is Status.PENDING


# -- queues ----------------------------------------------------------------------------------------------------------


def test_an_operator_changes_a_queue(jobs: ForgeJobs, storage: Storage) -> None:
    a_queue(storage, "media")
    changed = QueueSettings(name="media", max_workers=3, memory_limit=2**30)

    assert jobs.set_queue("media", max_workers=3, memory_limit="1GB") == changed
    assert jobs.queues() == [changed]


def test_a_queue_is_paused_and_resumed(jobs: ForgeJobs, storage: Storage) -> None:
    a_queue(storage)
    jobs.enqueue("work")
    hand = Hand(storage)

    jobs.pause_queue("default")
    assert hand.claim() == []
    jobs.resume_queue("default")
    assert len(hand.claim()) == 1


def test_an_unknown_queue_is_told_with_the_known_ones(jobs: ForgeJobs, storage: Storage) -> None:
    with pytest.raises(InvalidValue, match="there is no queue 'medai'; known: there is none yet"):
        jobs.pause_queue("medai")
    a_queue(storage, "media")
    with pytest.raises(InvalidValue, match="there is no queue 'medai'; known: media"):
        jobs.pause_queue("medai")


def test_a_bad_setting_is_refused_and_nothing_is_changed(jobs: ForgeJobs, storage: Storage) -> None:
    before = a_queue(storage)

    with pytest.raises(InvalidValue, match="max_workers"):
        jobs.set_queue("default", paused=True, max_workers=-1)

    assert jobs.queues() == [before]


def test_what_the_last_attempt_used_is_told(jobs: ForgeJobs, storage: Storage, clock: FakeClock) -> None:
    job = jobs.enqueue("work")
    hand = Hand(storage)
    hand.hand_in(hand.ended(hand.take(), Status.DONE, result=b"1", cpu_time=1_500_000, peak_memory=2**20))

    assert (job.record.cpu_time, job.record.peak_memory) == (1_500_000, 2**20)
