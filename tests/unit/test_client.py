"""Job: looking at it, waiting for it, operating on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from forge_jobs import ForgeJobs, InvalidValue, Job, JobFailed, JobNotFound, ResultTimeout, Status
from forge_jobs.clock import as_datetime
from forge_jobs.ids import new_job_id
from forge_jobs.model.states import Cause
from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter
from forge_jobs.verbs import BATCH
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def test_a_job_tells_what_it_is(jobs: ForgeJobs, clock: FakeClock) -> None:
    job = jobs.enqueue("work", {"n": 1}, queue="media", priority=-3, max_attempts=2, unique_key="k")

    assert UUID(job.id).version == 7
    assert (job.kind, job.queue, job.status) == ("work", "media", Status.PENDING)
    assert (job.priority, job.attempts, job.max_attempts, job.unique_key) == (-3, 0, 2, "k")
    assert (job.payload, job.value, job.error_history) == ({"n": 1}, None, ())
    assert job.enqueued_at == job.scheduled_at == as_datetime(clock.now())
    assert (job.started_at, job.finished_at, job.deduplicated) == (None, None, False)


def test_a_job_is_what_it_was_when_it_was_read(jobs: ForgeJobs, storage: Storage) -> None:
    job = jobs.enqueue("work")
    assert job.status == "pending"
    Hand(storage).finish(result=b"7")

    assert job.status == "pending"
    assert job.refresh() is job
    assert (job.status, job.value, job.attempts) == ("done", 7, 1)
    assert job.finished_at is not None


def test_jobs_are_equal_by_their_id(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("work")

    assert job == jobs.get(job.id)
    assert len({job, jobs.get(job.id)}) == 1
    assert job != jobs.enqueue("work")
    assert job != job.id


def test_a_job_shows_its_id_and_what_is_known(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("work")

    assert repr(job) == f"<job {job.id}>"
    assert repr(job.refresh()) == f"<job {job.id} work pending>"


def test_a_job_is_got_by_its_id_in_any_form(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("work")

    for form in (job.id, UUID(job.id), job.id.upper(), job.id.replace("-", "")):
        assert jobs.get(form) == job


def test_a_job_that_is_not_there_is_told_with_the_database(jobs: ForgeJobs, storage: Storage) -> None:
    missing = new_job_id()

    with pytest.raises(JobNotFound) as told:
        jobs.get(missing)
    assert str(told.value) == f"there is no job {missing} in {storage.location}"


@pytest.mark.parametrize("odd", ["", "work", "0192", None, 5, b"x"])
def test_what_is_no_job_id_is_refused(jobs: ForgeJobs, odd: object) -> None:
    with pytest.raises(InvalidValue, match="is not a job id"):
        jobs.get(odd)  # type: ignore[arg-type]


def test_refreshing_a_job_that_was_removed_is_an_error(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("work")
    jobs.get(job.id).delete()

    with pytest.raises(JobNotFound):
        job.refresh()


# -- results ------------------------------------------------------------------------------------------------------


def test_the_result_of_a_job_that_is_done(jobs: ForgeJobs, storage: Storage) -> None:
    job = jobs.enqueue("work")
    Hand(storage).finish(result=b'{"a":[1,null]}')

    assert job.result(timeout=5) == {"a": [1, None]}
    assert (job.status, job.value) == ("done", {"a": [1, None]})


def test_the_result_of_a_job_that_returned_nothing_is_none(jobs: ForgeJobs, storage: Storage) -> None:
    job = jobs.enqueue("work")
    Hand(storage).finish()

    assert job.result() is None


def test_the_result_of_a_dead_job_is_its_failure(jobs: ForgeJobs, storage: Storage) -> None:
    job = jobs.enqueue("work")
    hand = Hand(storage)
    hand.fail(message="at first")
    hand.bury_one(message="it blew up")

    with pytest.raises(JobFailed) as told:
        job.result(timeout=5)

    assert (told.value.job_id, told.value.kind, told.value.cause) == (job.id, "work", Cause.ERROR)
    assert told.value.entry == job.error_history[-1]
    assert str(told.value) == f"job {job.id} (work) ended dead, error: it blew up"


def test_the_result_of_a_cancelled_job_says_so(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("work")
    job.cancel()

    with pytest.raises(JobFailed, match="cancelled") as told:
        job.result(timeout=5)
    assert told.value.cause is Cause.CANCELLED


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_a_result_that_does_not_come_in_time(jobs: ForgeJobs, timeout: float) -> None:
    job = jobs.enqueue("work")

    with pytest.raises(ResultTimeout, match=f"had not ended after {timeout:g} s") as told:
        job.result(timeout=timeout)
    assert isinstance(told.value, TimeoutError)


def test_a_job_that_waits_for_its_next_attempt_has_not_ended(jobs: ForgeJobs, storage: Storage) -> None:
    job = jobs.enqueue("work")
    Hand(storage).fail(wait=60)

    with pytest.raises(ResultTimeout):
        job.result(timeout=0)


def test_the_result_of_a_job_that_is_gone(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("work")
    job.delete()

    with pytest.raises(JobNotFound):
        job.result(timeout=5)


def test_a_job_that_an_operator_retries_just_after_it_died_is_waited_for_on(
    jobs: ForgeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.enqueue("work")
    seen = iter([Status.DEAD, None])
    monkeypatch.setattr(jobs.client, "wait", lambda _job_id, _timeout: next(seen))

    with pytest.raises(ResultTimeout):
        job.result(timeout=1)


# -- operating ----------------------------------------------------------------------------------------------------


def test_cancel_answers_what_it_did(jobs: ForgeJobs, storage: Storage) -> None:
    running, waiting, gone = (jobs.enqueue("work") for _ in range(3))
    gone.delete()
    hand = Hand(storage)
    claim = hand.take()

    assert running.cancel() == "requested"
    assert waiting.cancel() == "cancelled"
    assert waiting.cancel() == "already_finished"
    assert gone.cancel() == "not_found"
    hand.hand_in(hand.done(claim))
    assert running.cancel() == "already_finished"


def test_retry_answers_whether_it_did(jobs: ForgeJobs, storage: Storage) -> None:
    job = jobs.enqueue("work", unique_key="k")
    assert not job.retry()
    Hand(storage).bury_one()
    jobs.enqueue("work", unique_key="k").cancel()

    assert job.retry()
    assert job.refresh().status == "pending"


def test_retry_answers_no_where_the_key_is_held(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("work", unique_key="k")
    job.cancel()
    jobs.enqueue("work", unique_key="k")

    assert not job.retry()


def test_delete_answers_whether_it_did(jobs: ForgeJobs, storage: Storage) -> None:
    job = jobs.enqueue("work")
    hand = Hand(storage)
    claim = hand.take()
    assert not job.delete()
    hand.hand_in(hand.done(claim))

    assert job.delete()
    assert not job.delete()


def test_run_now_answers_whether_it_waited(jobs: ForgeJobs, storage: Storage) -> None:
    job = jobs.enqueue("work", delay=60)

    assert job.run_now()
    assert not job.run_now()
    assert Hand(storage).take().id == job.id


def test_a_verb_reaches_more_jobs_than_one_batch_holds(jobs: ForgeJobs) -> None:
    jobs.enqueue_bulk([("work",)] * (2 * BATCH + 1))

    done = jobs.client.operate("cancel", JobFilter(kind="work"))

    assert (len(done.changed), done.next) == (2 * BATCH + 1, None)
    assert jobs.counts()["default"].dead == 2 * BATCH + 1


# -- listing ------------------------------------------------------------------------------------------------------


def test_a_page_lists_jobs_newest_first_with_a_cursor_for_the_next(jobs: ForgeJobs) -> None:
    made = [jobs.enqueue("work") for _ in range(5)]

    first = jobs.list(limit=2)
    second = jobs.list(limit=2, before=first.next)
    third = jobs.list(limit=2, before=second.next)

    assert [*first, *second, *third] == made[::-1]
    assert third.next is None
    assert all(isinstance(job, Job) for job in first)


def test_a_page_may_be_filtered(jobs: ForgeJobs, storage: Storage) -> None:
    wanted = jobs.enqueue("work", queue="media")
    jobs.enqueue("work")
    jobs.enqueue("other", queue="media")
    ended = jobs.enqueue("work", queue="media")
    ended.cancel()

    assert jobs.list(queue="media", kind="work", status="pending") == [wanted]
    assert jobs.list(status=Status.DEAD) == [ended]


def test_the_jobs_of_a_page_have_their_payloads_and_results_whatever_their_size(
    jobs: ForgeJobs, storage: Storage
) -> None:
    large = {"text": "x" * 5000}
    jobs.enqueue("work", {"n": 1})
    jobs.enqueue("work", large)
    hand = Hand(storage)
    hand.finish(result=b'"' + b"y" * 5000 + b'"')
    hand.finish(result=b"7")

    assert [job.payload for job in jobs.list()] == [large, {"n": 1}]
    assert [job.value for job in jobs.list()] == [7, "y" * 5000]


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_page_has_bounds(jobs: ForgeJobs, limit: int) -> None:
    with pytest.raises(InvalidValue, match="limit"):
        jobs.list(limit=limit)


def test_an_unknown_status_is_refused_with_those_there_are(jobs: ForgeJobs) -> None:
    with pytest.raises(InvalidValue, match="'retrying' is not one of pending, in_progress, done, failed, dead"):
        jobs.list(status="retrying")


def test_counts_are_told_by_queue(jobs: ForgeJobs) -> None:
    jobs.enqueue("work", queue="a")
    jobs.enqueue("work", queue="b", delay=60)

    counts = jobs.counts()

    assert (counts["a"].pending, counts["b"].scheduled) == (1, 1)


def test_times_are_told_in_utc(jobs: ForgeJobs) -> None:
    moment = datetime(2030, 1, 1, 12, tzinfo=UTC)

    job = jobs.enqueue("work", run_at=moment.astimezone())

    assert job.scheduled_at == moment
    assert job.scheduled_at.utcoffset() == timedelta(0)
