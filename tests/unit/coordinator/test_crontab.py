"""The leader's duty: who leads fires, at the time, and goes on whatever one schedule does."""

from __future__ import annotations

import logging

import msgspec
import pytest

from forge_jobs.clock import monotonic
from forge_jobs.storage import Storage
from forge_jobs_supervisor.coordinator.crontab import Crontab
from forge_jobs_supervisor.coordinator.timetable import NEVER, Timetable
from forge_jobs_supervisor.coordinator.waking import LOOK_EVERY
from tests.support.clock import FakeClock
from tests.support.schedules import add, jobs, record_of


class Scene:
    """A coordinator's timetable with nothing else in it."""

    def __init__(self, storage: Storage, clock: FakeClock) -> None:
        self.leads = True
        self.look = storage.upkeep.look
        self.timetable = Timetable()
        self.crontab = Crontab(storage.schedules, self.timetable, clock, lambda: self.leads)

    def act(self) -> None:
        self.crontab.see(self.look("host-a"))
        for duty in self.timetable.due(monotonic()):
            duty.act()


@pytest.fixture
def scene(storage: Storage, clock: FakeClock) -> Scene:
    return Scene(storage, clock)


def test_who_leads_fires(scene: Scene, storage: Storage, clock: FakeClock) -> None:
    add(storage)
    clock.advance(60)
    scene.leads = False
    scene.act()
    assert jobs(storage) == []

    scene.leads = True
    scene.act()
    assert len(jobs(storage)) == 1


def test_it_is_awake_when_the_next_time_comes(scene: Scene, storage: Storage, clock: FakeClock) -> None:
    record = add(storage, expression="*/10 * * * * *")
    assert record.next_fire_at is not None
    clock.advance((record.next_fire_at - clock.now()) / 1_000_000 - 0.3)
    before = monotonic()
    scene.act()

    assert before + 0.29 < scene.timetable.next() < before + LOOK_EVERY
    assert jobs(storage) == []


def test_it_sleeps_while_nothing_is_near(scene: Scene, storage: Storage, clock: FakeClock) -> None:
    scene.act()
    assert scene.timetable.next() == NEVER
    record = add(storage, expression="0 0 1 1 *")
    assert record.next_fire_at is not None
    scene.act()
    assert scene.timetable.next() == NEVER


def test_what_keeps_one_from_firing_is_logged_once(
    scene: Scene, storage: Storage, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bad = add(storage, "bad")
    storage.schedules.edit("bad", lambda _: msgspec.structs.replace(bad, timezone="Mars/Olympus"))
    clock.advance(60)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            scene.act()

    assert caplog.text.count("schedule bad did not fire and is tried again: time zone 'Mars/Olympus'") == 1
    assert record_of(storage, "bad").last_error is not None
