"""Three hosts, one killed each minute of simulated time, at any step: each fire of a minutely schedule exactly once.

A day of them by default; FORGE_TEST_SCHEDULE_MINUTES=10080 makes it a week.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random

from forge_jobs.model.job import Enqueued, NewJob
from forge_jobs.schedules import fire_due
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import ALL, a_host
from tests.support.clock import FakeClock
from tests.support.schedules import MINUTE, add, record_of

MINUTES = int(os.environ.get("FORGE_TEST_SCHEDULE_MINUTES", "1440"))
LEASE = 15.0


class Killed(BaseException):
    """Here a host dies."""


class Host:
    """A host that leads when it can, with a storage of its own, as another process would have it."""

    def __init__(self, number: int, backend: Backend, clock: FakeClock) -> None:
        self.backend = backend
        self.clock = clock
        self.storage = backend.open(clock)
        self.number = number
        self.lives = 0
        self.be_born()

    def be_born(self) -> None:
        """Begin as a new host, as a supervisor that is started anew; what is left of the old one is cleared away."""
        if self.lives:
            self.storage.registry.retire_host(self.host_id)
        self.lives += 1
        self.life_lock = self.backend.give_life()
        self.host_id = f"host-{self.number}-{self.lives}"
        self.storage.registry.announce_host(a_host(self.host_id, life_lock=self.life_lock))

    def leads(self) -> bool:
        return self.storage.leadership.lead(self.host_id, LEASE)

    def fire(self, dies: str = "") -> None:
        """Fire what is due, and die on the way where that is said."""
        store = self.storage.producer.store  # type: ignore[attr-defined]

        def dying(connection: object, jobs: list[NewJob], now: int) -> list[Enqueued]:
            if dies == "before the job":
                raise Killed
            answers: list[Enqueued] = store(connection, jobs, now)
            if dies == "after the job":
                raise Killed
            return answers

        self.storage.producer.store = dying  # type: ignore[attr-defined]
        try:
            assert not fire_due(self.storage.schedules, self.clock.now()).errors
        except Killed:
            return
        finally:
            self.storage.producer.store = store  # type: ignore[attr-defined]


STEPS = ["at rest", "before the job", "after the job", "after the commit"]


def test_each_minute_fires_once_whoever_dies_when(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    chance = Random(7)
    hosts = [Host(number, backend, clock) for number in range(3)]
    first = add(storage, overlap="allow", misfire="all").next_fire_at
    assert first is not None
    clock.advance((first - clock.now()) / 1_000_000)
    died: Counter[str] = Counter()

    for _ in range(MINUTES):
        a_minute(hosts, backend, chance, died)
        clock.advance(60)
        if chance.random() < 0.05:  # a clock is set back, and goes on from there
            clock.advance(-chance.uniform(1, 300))
    clock.advance(600)
    next(host for host in hosts if host.leads()).fire()

    made = Counter(times(storage))
    assert set(made.values()) == {1}
    assert sorted(made) == [first + n * MINUTE for n in range(len(made))]
    assert len(made) > MINUTES * 0.75
    assert record_of(storage).last_fire_at == max(made)
    assert min(died[step] for step in STEPS) > MINUTES / 50


def a_minute(hosts: list[Host], backend: Backend, chance: Random, died: Counter[str]) -> None:
    """Let the host that leads fire, sometimes two that believe to lead; one dies, and another takes its place."""
    chance.shuffle(hosts)
    leader = next(host for host in hosts if host.leads())
    dies = chance.choice(STEPS)
    leader.fire(dies)
    doomed = chance.choice(hosts) if dies == "at rest" else leader
    backend.take_life(doomed.life_lock)
    died[dies] += 1
    if chance.random() < 0.5:
        next(host for host in hosts if host is not doomed and host.leads()).fire()
    if chance.random() < 0.2:
        chance.choice(
            [host for host in hosts if host is not doomed]
        ).fire()  # that it does not lead, it has not noticed
    doomed.be_born()


def times(storage: Storage) -> list[int]:
    """Return for which times jobs were made."""
    found, cursor = storage.operator.find(ALL, 5000, None)
    made = [job.scheduled_at for job in found]
    while cursor is not None:
        found, cursor = storage.operator.find(ALL, 5000, cursor)
        made += [job.scheduled_at for job in found]
    return made
