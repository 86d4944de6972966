"""Inspection.facts: what is known of one job's situation; and what follows from it, told by the rules."""

from __future__ import annotations

import msgspec
import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.ids import new_job_id
from forge_jobs.model.why import COUNTED_TO, Facts, why
from forge_jobs.storage import Storage
from forge_jobs.storage.records import WorkerView
from tests.support.backends import Backend
from tests.support.builders import a_living_host, a_queue, enqueue, enqueue_some, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


def facts(storage: Storage, job_id: str) -> Facts:
    found = storage.inspection.facts(job_id)
    assert found is not None
    return found


def codes(storage: Storage, job_id: str) -> list[str]:
    return [reason.code for reason in why(facts(storage, job_id)).reasons]


def view(hand: Hand, **more: object) -> WorkerView:
    shown = {"queue": "default", "number": 1, "pid": 777, "state": "running"} | more
    return WorkerView(process_id=hand.process_id, **shown)  # type: ignore[arg-type]


def test_a_job_that_is_not_there_has_no_facts(storage: Storage) -> None:
    assert storage.inspection.facts(new_job_id()) is None


def test_the_facts_hold_the_job_whole(storage: Storage) -> None:
    job_id = enqueue(storage, payload=b'{"x":"' + b"y" * 5000 + b'"}')
    Hand(storage).fail(wait=60, message="no luck")

    assert facts(storage, job_id).job == record(storage, job_id)


def test_jobs_before_it_in_line_are_those_that_are_claimed_first(storage: Storage, clock: FakeClock) -> None:
    a, b = enqueue_some(storage, 2)
    clock.advance(1)
    late, urgent, other = enqueue(storage), enqueue(storage, priority=-1), enqueue(storage, queue="other")
    enqueue(storage, run_at=clock.now() + MICROSECONDS, priority=-9)

    assert [facts(storage, i).before for i in (urgent, a, b, late, other)] == [0, 1, 2, 3, 0]


def test_a_long_line_is_not_counted_to_its_end(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.modules[type(storage.inspection).__module__], "COUNTED_TO", 5)
    ids = enqueue_some(storage, 20)

    assert facts(storage, ids[-1]).before == 6
    assert COUNTED_TO == 10_000


def test_what_holds_a_waiting_job_up_is_found(storage: Storage, backend: Backend) -> None:
    a_queue(storage, paused=True)
    job_id = enqueue(storage)
    assert codes(storage, job_id) == ["paused", "no_worker", "in_line"]

    storage.queue_config.change_queue("default", {"paused": False})
    a_living_host(storage, backend, kinds=["other"])
    assert codes(storage, job_id)[0] == "unknown_kind"

    host = a_living_host(storage, backend, "host-b")
    storage.queue_config.change_queue("default", {"max_workers": 0})
    assert codes(storage, job_id)[0] == "no_share"

    storage.queue_config.change_queue("default", {"max_workers": None})
    storage.registry.beat("host-b", [view(Hand(storage, host_id="host-b"), state="idle")])
    assert codes(storage, job_id) == ["in_line"]

    backend.take_life(host.life_lock)
    assert codes(storage, job_id)[0] == "unknown_kind", "what a dead host knows does not count"


def test_a_scheduled_job_says_when_it_is_due(storage: Storage, clock: FakeClock) -> None:
    job_id = enqueue(storage, run_at=clock.now() + 300 * MICROSECONDS)

    (told,) = [reason.told for reason in why(facts(storage, job_id)).reasons if reason.code == "scheduled"]
    assert told == "it is scheduled, and due in 5 min 0 s"


def test_a_running_job_is_found_with_its_worker_and_its_progress(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    job_id, held = enqueue_some(storage, 2)
    hand = Hand(storage)
    hand.claim(rows=2)
    storage.registry.beat(
        "host-a", [view(hand, job_id=job_id, held=1, progress_done=3, progress_total=4, progress_note="pages")]
    )

    holder = facts(storage, job_id).holder
    assert holder is not None
    assert (holder.host, holder.pid, holder.alive) == (host.label, 777, True)
    assert (holder.progress, holder.runs_another) == ("progress 3 of 4 (75%) pages", False)
    assert codes(storage, job_id) == ["running"]
    assert codes(storage, held) == ["held"]

    backend.take_life(host.life_lock)
    assert codes(storage, job_id) == ["lost"]


def test_a_finished_job_has_no_holder(storage: Storage) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    done, dead = hand.finish(), hand.bury_one(message="hopeless")

    assert facts(storage, done).holder is None
    assert (codes(storage, done), codes(storage, dead)) == (["done"], ["dead"])
    assert "its handler failed: hopeless" in why(facts(storage, dead)).reasons[0].told


def test_asking_changes_nothing(storage: Storage) -> None:
    job_id = enqueue(storage)
    before = record(storage, job_id)

    first, second = facts(storage, job_id), facts(storage, job_id)

    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert record(storage, job_id) == before
