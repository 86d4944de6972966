"""Counts stay right through every verb, in any order: the storage beside a plain dict."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from forge_jobs.model.checks import Level
from forge_jobs.storage.claims import Claim
from forge_jobs.storage.records import JobFilter
from forge_jobs.verifying import verify
from tests.support.backends import BACKENDS
from tests.support.builders import ALL, a_job, a_living_host, a_queue, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand

QUEUES = ["default", "other"]
KEEP_DONE, KEEP_DEAD = 1, 2


class Counts(RuleBasedStateMachine):
    """``jobs`` is what should be there: id → [queue, status, due or ready or None, key, finished, asked to stop]."""

    backend_name = "sqlite"
    ids = Bundle("ids")
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(prefix="fj-counts-")
        self.backend = BACKENDS[self.backend_name](Path(self.directory.name))
        self.clock = FakeClock()
        self.storage = self.backend.open(self.clock)
        for queue in QUEUES:
            a_queue(self.storage, queue, keep_done=KEEP_DONE, keep_dead=KEEP_DEAD)
        self.hands = {queue: Hand(self.storage, queue=queue) for queue in QUEUES}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.paused: set[str] = set()
        a_living_host(self.storage, self.backend, queues=QUEUES)

    def teardown(self) -> None:
        try:
            assert [check for check in verify(self.storage.checkup) if check.level is not Level.OK] == []
        finally:
            self.backend.close()
        self.directory.cleanup()

    # -- the world goes on ---------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([0, 1, 30]))
    def let_time_go_by(self, hours: int) -> None:
        self.clock.advance(hours * 3600)

    @rule(
        target=ids,
        queue=st.sampled_from(QUEUES),
        key=st.sampled_from([None, None, "a", "b"]),
        delay=st.sampled_from([0, 0, 3600]),
        number=st.integers(1, 3),
    )
    def enqueue(self, queue: str, key: str | None, delay: int, number: int) -> Any:
        due = self.clock.now() + delay * 1_000_000
        jobs = [a_job(queue=queue, unique_key=key, run_at=due) for _ in range(number)]
        answers = self.storage.producer.enqueue(jobs)
        for job, answer in zip(jobs, answers, strict=True):
            holder = self.holder(key)
            assert answer.deduplicated == (holder is not None)
            assert answer.id == (holder or job.id)
            if holder is None:
                self.jobs[job.id] = {"queue": queue, "key": key, "asked": False}
                self.wait(job.id, "pending", due)
        return multiple(*dict.fromkeys(answer.id for answer in answers))  # ids are random: a set has no order

    @rule()
    def open_due(self) -> None:
        opened = self.storage.upkeep.open_due(1000)
        due = {i: j for i, j in self.jobs.items() if j["gate"] == "waiting" and j["due"] <= self.clock.now()}
        assert opened.ready == Counter(j["queue"] for j in due.values())
        for job in due.values():
            job["gate"] = "ready"
        assert opened.next_due == min((j["due"] for j in self.jobs.values() if j["gate"] == "waiting"), default=None)

    @rule(target=claims, queue=st.sampled_from(QUEUES), rows=st.integers(1, 4))
    def claim(self, queue: str, rows: int) -> Any:
        hand = self.hands[queue]
        taken = hand.claim(rows=rows)
        ready = (
            []
            if queue in self.paused
            else [i for i, j in self.jobs.items() if j["gate"] == "ready" and j["queue"] == queue]
        )
        assert len(taken) == min(rows, len(ready))
        assert {claim.id for claim in taken} <= set(ready)
        for claim in taken:
            self.jobs[claim.id] |= {"status": "in_progress", "gate": None, "claim": (hand, claim.claim_no)}
        return multiple(*((hand, claim) for claim in taken))

    @rule(named=claims, how=st.sampled_from(["done", "failed", "failed later", "dead", "back"]))
    def hand_in(self, named: tuple[Hand, Claim], how: str) -> None:
        """Hand in a claim, perhaps twice, perhaps long after its job was retried or removed or its worker buried."""
        hand, claim = named
        ends = {
            "done": hand.done,
            "failed": hand.failed,
            "failed later": lambda c: hand.failed(c, wait=1800),
            "dead": hand.dead,
            "back": hand.back,
        }
        exchanged = self.storage.worker_queue.exchange(hand.process_id, [ends[how](claim)], None)
        if exchanged is None:
            assert hand not in self.hands.values(), "only who is buried is not registered"
            return
        job = self.jobs.get(claim.id)
        if job is None or job["status"] != "in_progress" or job["claim"] != (hand, claim.claim_no):
            return  # refused, or a repetition
        if how == "done":
            self.finish(claim.id, "done")
        elif how == "dead" or job["asked"]:
            self.finish(claim.id, "dead")
        else:
            due = self.clock.now() + (1_800_000_000 if how == "failed later" else 0)
            self.wait(claim.id, "pending" if how == "back" else "failed", due)

    @rule(queue=st.sampled_from(QUEUES))
    def crash(self, queue: str) -> None:
        """Let a worker die, bury it, and let another one take its place."""
        dead = self.hands[queue]
        held = self.storage.registry.claims_of([dead.process_id])[dead.process_id]
        running = {i for i, j in self.jobs.items() if j["status"] == "in_progress" and j["claim"][0] is dead}
        assert {claim.id for claim in held} == running
        self.storage.registry.bury(dead.process_id, [dead.failed(claim) for claim in held], "host-a")
        for job_id in running:
            if self.jobs[job_id]["asked"]:
                self.finish(job_id, "dead")
            else:
                self.wait(job_id, "failed", self.clock.now())
        self.hands[queue] = Hand(self.storage, queue=queue)

    # -- operators -----------------------------------------------------------------------------------------------

    @rule(job_id=ids)
    def cancel(self, job_id: str) -> None:
        self.storage.operator.cancel(only(job_id), 1, 0)
        job = self.jobs.get(job_id)
        if job and job["status"] in ("pending", "failed"):
            self.finish(job_id, "dead")
        elif job and job["status"] == "in_progress":
            job["asked"] = True

    @rule(job_id=ids)
    def retry(self, job_id: str) -> None:
        changed = self.storage.operator.retry(only(job_id), 1, 0).changed
        assert list(changed) == ([job_id] if self.revive(job_id) else [])

    @rule(queue=st.sampled_from(QUEUES))
    def retry_all(self, queue: str) -> None:
        changed = self.storage.operator.retry(JobFilter(queue=queue), 1000, 0).changed
        newest_first = [i for i, j in self.jobs.items() if j["queue"] == queue][::-1]
        assert sorted(changed) == sorted(i for i in newest_first if self.revive(i))

    @rule(queue=st.sampled_from(QUEUES))
    def pause_or_resume(self, queue: str) -> None:
        self.paused ^= {queue}
        self.storage.queue_config.change_queue(queue, {"paused": queue in self.paused})

    @rule(job_id=ids)
    def run_now(self, job_id: str) -> None:
        self.storage.operator.run_now(only(job_id), 1, 0)
        if self.jobs.get(job_id, {}).get("gate") == "waiting":
            self.jobs[job_id]["gate"] = "ready"

    @rule(job_id=consumes(ids))
    def delete(self, job_id: str) -> None:
        self.storage.operator.delete(only(job_id), 1, 0)
        if self.jobs.get(job_id, {}).get("status") != "in_progress":
            self.jobs.pop(job_id, None)

    @rule(limit=st.sampled_from([1, 1000]))
    def prune(self, limit: int) -> None:
        now, day = self.clock.now(), 86_400_000_000
        keep = {"done": KEEP_DONE * day, "dead": KEEP_DEAD * day}
        old = [i for i, j in self.jobs.items() if j["status"] in keep and j["finished"] < now - keep[j["status"]]]
        assert self.storage.upkeep.prune(limit) == min(limit, len(old))
        there = self.storage.operator.statuses(old)
        for job_id in old:
            if job_id not in there:
                del self.jobs[job_id]

    # -- the model -----------------------------------------------------------------------------------------------

    def holder(self, key: str | None) -> str | None:
        live = ("pending", "in_progress", "failed")
        return next((i for i, j in self.jobs.items() if key and j["key"] == key and j["status"] in live), None)

    def wait(self, job_id: str, status: str, due: int) -> None:
        gate = "ready" if due <= self.clock.now() else "waiting"
        self.jobs[job_id] |= {"status": status, "gate": gate, "due": due, "asked": False}

    def finish(self, job_id: str, status: str) -> None:
        now = self.clock.now()
        self.jobs[job_id] |= {"status": status, "gate": None, "finished": now, "asked": False}

    def revive(self, job_id: str) -> bool:
        job = self.jobs.get(job_id)
        if job is None or job["status"] not in ("failed", "dead") or self.holder(job["key"]) not in (None, job_id):
            return False
        self.wait(job_id, "pending", self.clock.now())
        return True

    @invariant()
    def counts_are_right(self) -> None:
        expected = {queue: dict.fromkeys(FIELDS, 0) for queue in QUEUES}
        for job in self.jobs.values():
            scheduled = job["status"] == "pending" and job["gate"] == "waiting"
            expected[job["queue"]]["scheduled" if scheduled else job["status"]] += 1
        found = self.storage.operator.counts()
        assert {q: {f: getattr(c, f) for f in FIELDS} for q, c in found.items()} == expected

    @invariant()
    def every_job_is_what_it_should_be(self) -> None:
        found, _cursor = self.storage.operator.find(ALL, 10_000, None)
        assert {job.id: job.status for job in found} == {i: j["status"] for i, j in self.jobs.items()}


FIELDS = ("pending", "scheduled", "in_progress", "done", "failed", "dead")


@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_counts_are_those_of_a_plain_dict(name: str) -> None:
    machine = type("CountsOnBackend", (Counts,), {"backend_name": name})
    case = machine.TestCase
    case.settings = settings(stateful_step_count=40)
    case("runTest").runTest()
