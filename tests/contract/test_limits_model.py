"""Limits hold whatever happens, and nothing that may run stands still: the storage beside two numbers."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from forge_jobs.model.job import JobRecord
from forge_jobs.model.states import Gate, Status
from forge_jobs.storage.claims import Claim
from forge_jobs.storage.records import JobFilter
from tests.support.backends import BACKENDS
from tests.support.builders import ALL
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.limits import declare, for_tenant, give_out


class Limited(RuleBasedStateMachine):
    """Two kinds, three keys: whatever happens, no limit is passed and nothing that may run stands still."""

    backend_name = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(prefix="fj-limits-")
        self.backend = BACKENDS[self.backend_name](Path(self.directory.name))
        self.clock = FakeClock()
        self.storage = self.backend.open(self.clock)
        self.hand = Hand(self.storage)
        self.running: list[Claim] = []
        self.limits: tuple[int | None, int | None] = (2, 1)
        declare(self.storage, max_running=2, max_running_per_key=1, concurrency_key="tenant")

    def teardown(self) -> None:
        self.backend.close()
        self.directory.cleanup()

    @rule(tenant=st.sampled_from("abc"), delay=st.sampled_from([0, 0, 3]), number=st.integers(1, 3))
    def enqueue(self, tenant: str, delay: int, number: int) -> None:
        for_tenant(self.storage, tenant, number, delay=delay * 1_000_000)

    @rule()
    def claim(self) -> None:
        self.running += self.hand.claim(2)

    @rule(how=st.sampled_from(["done", "failed", "dead", "back", "throttled", "snoozed", "again"]))
    def end(self, how: str) -> None:
        if not self.running:
            return
        claim = self.running.pop(0)
        ends = {
            "done": lambda: self.hand.done(claim),
            "failed": lambda: self.hand.failed(claim, wait=2),
            "again": lambda: self.hand.failed(claim, wait=0),
            "dead": lambda: self.hand.dead(claim),
            "back": lambda: self.hand.ended(claim, Status.PENDING, attempt_back=True),
            "throttled": lambda: self.hand.back(claim, wait=2, throttled=True),
            "snoozed": lambda: self.hand.back(claim, wait=2, lets_go=True),
        }
        assert self.hand.hand_in(ends[how]()) == []

    @rule()
    def crash(self) -> None:
        ended = [self.hand.dead(claim) for claim in self.running]
        self.storage.registry.bury(self.hand.process_id, ended, "host-a")
        self.running = []
        self.hand = Hand(self.storage)

    @rule(verb=st.sampled_from(["cancel", "delete", "retry", "run_now"]), status=st.sampled_from(Status))
    def operate(self, verb: str, status: Status) -> None:
        if status is Status.IN_PROGRESS:
            return
        getattr(self.storage.operator, verb)(JobFilter(status=status), 2, 0)

    @rule(seconds=st.integers(1, 4))
    def turn(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.storage.upkeep.open_due(100)

    @rule(kind=st.sampled_from([1, 2, 3, None]), key=st.sampled_from([1, 2, None]))
    def declare(self, kind: int | None, key: int | None) -> None:
        self.limits = (kind, key)
        declare(self.storage, max_running=kind, max_running_per_key=key, concurrency_key="tenant")

    @invariant()
    def places_are_given_out(self) -> None:
        give_out(self.storage)
        waiting = [job for job in self.storage.operator.find(ALL, 1000, None)[0] if job.gate is not None]
        taken = Counter(c.limit_key for c in self.running)
        ready = [job for job in waiting if job.gate is Gate.READY]
        assert self.limits[0] is None or len(ready) <= max(self.limits[0] - len(self.running), 0)
        for key in "abc":
            mine = [job for job in ready if job.limit_key == key]
            if self.limits[1] is not None:
                assert len(mine) <= max(self.limits[1] - taken[key], 0)
        self._nothing_stands_still(waiting, len(ready) + len(self.running))

    def _nothing_stands_still(self, waiting: list[JobRecord], busy: int) -> None:
        if self.limits[0] is not None and busy >= self.limits[0]:
            return
        assert not [job for job in waiting if job.gate is Gate.FOR_KIND]
        for job in waiting:
            if job.gate is Gate.FOR_KEY:
                assert self.limits[1] is not None, "without a limit nobody waits for a place"


@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_limits_hold_whatever_happens(name: str) -> None:
    machine = type("Limited", (Limited,), {"backend_name": name})

    case = machine.TestCase
    case.settings = settings(stateful_step_count=30)
    case("runTest").runTest()
