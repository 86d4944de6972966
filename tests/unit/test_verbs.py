"""An operator's verbs from Python: by id, by filter, in batches, and what became of each job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from forge_jobs import ForgeJobs, InvalidValue, JobNotFound, PayloadError, Status
from forge_jobs.clock import as_datetime
from forge_jobs.config import Location
from forge_jobs.ids import new_job_id
from forge_jobs.model.states import DELETABLE, LIVE
from forge_jobs.storage import Storage
from forge_jobs.storage.records import Batch, JobFilter
from forge_jobs.verbs import BATCH, TOUCHES, Changed, changed_of, narrowed, why_skipped
from tests.support.clock import FakeClock
from tests.support.hands import Hand

NOBODY = new_job_id()


def what(changed: Sequence[str] = (), skipped: Sequence[str] = (), not_found: Sequence[str] = ()) -> Changed:
    return Changed(changed=[*changed], skipped=[*skipped], not_found=[*not_found])


@pytest.fixture
def jobs(storage: Storage) -> ForgeJobs:
    made = ForgeJobs()
    made.use(storage, Location("sqlite:////nowhere", "a test"))

    @made.handler
    def resize(width: int, name: str = "x") -> None: ...

    return made


def test_each_job_is_told_of_by_id(jobs: ForgeJobs, storage: Storage) -> None:
    ids = [job.id for job in jobs.enqueue_bulk([("work",)] * 3)]
    hand = Hand(storage)
    dead, running = hand.bury_one(), hand.take().id
    waits = ids[2]

    assert jobs.retry(dead, running, NOBODY) == what(changed=[dead], skipped=[running], not_found=[NOBODY])
    assert jobs.delete(waits, running) == what(changed=[waits], skipped=[running])
    assert jobs.move(dead, to="other").changed == [dead]
    assert jobs.run_now(dead).skipped == [dead]


def test_more_ids_than_fit_a_batch_are_all_reached(jobs: ForgeJobs) -> None:
    ids = [job.id for job in jobs.enqueue_bulk([("work",)] * (2 * BATCH + 3))]

    assert set(jobs.move(*ids, to="other").changed) == set(ids)
    assert set(jobs.cancel(*ids).cancelled) == set(ids)


def test_a_filter_takes_only_what_the_verb_can_change(jobs: ForgeJobs, storage: Storage) -> None:
    jobs.enqueue_bulk([("work",)] * 4)
    hand = Hand(storage)
    done, dead, failed, running = hand.finish(), hand.bury_one(), hand.fail(wait=60), hand.take().id

    assert jobs.retry(kind="work") == what(changed=[failed, dead])
    assert jobs.edit(kind="work", priority=7).changed == [failed, dead]
    assert set(jobs.delete(kind="work").changed) == {done, dead, failed}
    assert jobs.count(kind="work") == {Status.IN_PROGRESS: 1}
    assert jobs.get(running).status is Status.IN_PROGRESS


@pytest.mark.parametrize(("verb", "status"), [("retry", "done"), ("delete", "in_progress"), ("run_now", "dead")])
def test_a_status_the_verb_cannot_change_is_refused(jobs: ForgeJobs, verb: str, status: str) -> None:
    with pytest.raises(InvalidValue, match=f"changes no job that is {status}: use one of the statuses"):
        getattr(jobs, verb)(status=status)


@pytest.mark.parametrize("verb", ["cancel", "retry", "delete", "run_now"])
def test_nothing_happens_to_all_jobs_by_a_slip(jobs: ForgeJobs, verb: str) -> None:
    jobs.enqueue("work")
    with pytest.raises(InvalidValue, match="needs ids, or at least one of"):
        getattr(jobs, verb)()
    with pytest.raises(InvalidValue, match="needs ids, or at least one of"):
        getattr(jobs, verb)(queue=None, error=None)
    assert jobs.count() == {Status.PENDING: 1}


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"error": ""}, "error '' is not valid"),
        ({"error": "a\0b"}, "is not valid"),
        ({"older_than": "soon"}, "older_than 'soon' is not valid"),
        ({"status": "failing"}, "status 'failing' is not one of"),
        ({"queue": "a b"}, "queue name 'a b' is not valid"),
    ],
)
def test_a_bad_filter_is_refused(jobs: ForgeJobs, filters: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        jobs.retry(**filters)
    with pytest.raises(InvalidValue, match=said):
        jobs.list(**filters)


def test_an_edited_payload_is_checked_against_the_handler(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("resize", {"width": 1})

    assert job.edit(payload={"width": 2, "name": "y"}, priority=4)
    assert (job.refresh().payload, job.priority) == ({"width": 2, "name": "y"}, 4)
    for payload, said in (({"width": "x"}, "width"), ({"height": 1}, "unknown argument 'height'"), ([1], "be a dict")):
        with pytest.raises(PayloadError, match=said):
            job.edit(payload=payload)
    with pytest.raises(PayloadError, match="unknown argument"):
        jobs.edit(job.id, payload={"height": 1})
    assert job.refresh().payload == {"width": 2, "name": "y"}


def test_a_payload_of_an_unknown_kind_is_json_all_the_same(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("work", {"a": 1})

    assert job.edit(payload={"anything": [1, None]})
    for payload in ({"x": float("nan")}, {"x": object()}, {"x": "y" * 2**20}, "text"):
        with pytest.raises(PayloadError):
            job.edit(payload=payload)
    assert job.refresh().payload == {"anything": [1, None]}


def test_an_edit_says_what_is_wrong_with_it(jobs: ForgeJobs) -> None:
    first, second = jobs.enqueue_bulk([("work",)] * 2)
    with pytest.raises(InvalidValue, match="nothing to edit"):
        first.edit()
    for wrong in ({"kind": "work"}, {}):
        ids = [] if wrong else [first.id, second.id]
        with pytest.raises(InvalidValue, match="a payload is one job's"):
            jobs.edit(*ids, payload={}, **wrong)
    with pytest.raises(JobNotFound):
        jobs.edit(NOBODY, payload={})
    with pytest.raises(InvalidValue, match="has no time zone"):
        first.edit(run_at=datetime(2030, 1, 1))
    with pytest.raises(InvalidValue, match="priority"):
        first.edit(priority=2**40)


def test_a_job_is_put_off_by_its_own_methods(jobs: ForgeJobs, clock: FakeClock) -> None:
    job = jobs.enqueue("work")
    now = as_datetime(clock.now())
    assert now is not None

    assert job.edit(run_at=now + timedelta(hours=1))
    assert job.refresh().scheduled_at == (now + timedelta(hours=1)).astimezone(UTC)
    assert job.move("other")
    assert not job.move("other")
    assert job.refresh().queue == "other"


def test_jobs_are_listed_by_error_and_age(jobs: ForgeJobs, storage: Storage, clock: FakeClock) -> None:
    jobs.enqueue_bulk([("work",)] * 2)
    dead = Hand(storage).bury_one(message="no such bucket")
    clock.advance(days=2)

    assert [job.id for job in jobs.list(error="bucket", older_than="1d")] == [dead]
    assert list(jobs.list(error="bucket", older_than="3d")) == []


def test_the_table_of_verbs_is_that_of_the_states() -> None:
    assert (TOUCHES["delete"], TOUCHES["cancel"]) == (DELETABLE, LIVE)
    for verb in TOUCHES:
        assert frozenset(narrowed(verb, JobFilter(queue="q")).statuses or ()) == TOUCHES[verb]


def test_what_began_to_run_meanwhile_is_skipped() -> None:
    assert changed_of(Batch(changed=["a"], missed=["b"]), None) == what(changed=["a"], skipped=["b"])


@pytest.mark.parametrize(
    ("verb", "status", "said"),
    [
        ("retry", Status.DEAD, "another live job holds its unique key"),
        ("retry", Status.DONE, "it is done"),
        ("delete", Status.IN_PROGRESS, "it is running"),
        ("run_now", Status.PENDING, "it does not wait for its time"),
        ("move", Status.FAILED, "it is in that queue already"),
        ("edit", Status.PENDING, "it expires before that time"),
        ("edit", None, "it is gone"),
    ],
)
def test_a_skip_is_told_in_words(verb: str, status: Status | None, said: str) -> None:
    assert why_skipped(verb, status) == said
