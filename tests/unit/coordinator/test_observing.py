"""What a host notes once a minute, and what the leader folds and forgets, over a real storage."""

from __future__ import annotations

import os

import pytest

from forge_jobs.model.metrics import KEPT, Gauges
from forge_jobs.storage import Storage
from forge_jobs.storage.records import WorkerView
from forge_jobs_supervisor.coordinator import folding
from forge_jobs_supervisor.coordinator.folding import FOLD_EVERY, FOLD_PAUSE, FORGET_EVERY, SIZES_EVERY, Folder
from forge_jobs_supervisor.coordinator.observing import FIRST_NOTE, NOTE_EVERY, Observer
from forge_jobs_supervisor.coordinator.timetable import Timetable
from tests.support.builders import a_host, enqueue
from tests.support.clock import FakeClock

ALWAYS = 2**60


class Scene:
    """A timetable whose time is turned by hand; it begins a little after the machine's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.timetable = Timetable()
        monkeypatch.setattr(folding, "monotonic", lambda: self.now)
        monkeypatch.setattr("forge_jobs_supervisor.coordinator.observing.monotonic", lambda: self.now)

    def go_on(self, seconds: float = 0.0) -> None:
        """Do the duties that are due after a while."""
        self.now += seconds
        for duty in self.timetable.due(self.now):
            duty.act()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def a_view(number: int, state: str, **more: float) -> WorkerView:
    return WorkerView(process_id=number, queue="default", number=number, pid=os.getpid(), state=state, **more)  # type: ignore[arg-type]


def test_only_the_leader_folds_and_in_slices(storage: Storage, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "FOLD_SLICE", 2)
    leads = False
    Folder(storage.metrics, scene.timetable, storage.clock, lambda: leads)
    for _ in range(5):
        enqueue(storage)

    scene.go_on()
    leads = True
    scene.go_on(FOLD_EVERY)
    for _ in range(2):
        scene.go_on(FOLD_PAUSE)

    assert storage.metrics.fold(10) == 0
    assert storage.metrics.totals()["default", "work"].enqueued == 5


def test_who_does_not_lead_folds_nothing_and_notes_no_sizes(storage: Storage, scene: Scene) -> None:
    Folder(storage.metrics, scene.timetable, storage.clock, lambda: False)
    enqueue(storage)

    for _ in range(3):
        scene.go_on(SIZES_EVERY)

    assert storage.metrics.fold(10) == 1
    assert storage.metrics.gauges(0, ALWAYS) == []


def test_the_leader_forgets_after_a_month(storage: Storage, scene: Scene, clock: FakeClock) -> None:
    Folder(storage.metrics, scene.timetable, storage.clock, lambda: True)
    enqueue(storage)
    scene.go_on()
    clock.advance(KEPT / 1e6 - 60)
    scene.go_on(FORGET_EVERY)
    assert storage.metrics.between(0, ALWAYS)

    clock.advance(180)
    scene.go_on(FORGET_EVERY)

    assert not storage.metrics.between(0, ALWAYS)
    assert storage.metrics.totals()["default", "work"].enqueued == 1


def test_the_leader_notes_the_sizes_of_the_database(storage: Storage, scene: Scene) -> None:
    Folder(storage.metrics, scene.timetable, storage.clock, lambda: True)
    scene.go_on(FOLD_EVERY)

    ((_minute, gauges),) = storage.metrics.gauges(0, ALWAYS)
    assert gauges.host_id == ""
    assert gauges.values["database_bytes"] > 0


def test_a_host_notes_its_workers_its_memory_and_how_long_the_database_took(storage: Storage, scene: Scene) -> None:
    observer = Observer(a_host("host-a"), storage.metrics, scene.timetable)
    observer.see([a_view(1, "running", cpu_percent=90.0), a_view(2, "idle", cpu_percent=10.0)])
    observer.see([a_view(1, "running", cpu_percent=40.0), a_view(2, "booting")])
    with observer.timing("read"):
        scene.now += 0.5
    scene.go_on(FIRST_NOTE)

    ((_minute, gauges),) = storage.metrics.gauges(0, ALWAYS)

    assert (gauges.host_id, gauges.label) == ("host-a", "label of host-a")
    told = gauges.values
    assert (told["workers"], told["workers_running"], told["workers_idle"], told["cpu_percent"]) == (2, 1, 0, 70)
    assert told["memory_bytes"] > 1_000_000
    assert 0 <= told["machine_cpu_percent"] <= 100
    assert gauges.latency["read"].sum == 500_000


def test_each_minute_has_its_own_latencies_and_the_pulse_has_them_all(
    storage: Storage, scene: Scene, clock: FakeClock
) -> None:
    observer = Observer(a_host("host-a"), storage.metrics, scene.timetable)
    for _ in range(2):
        with observer.timing("write"):
            scene.now += 0.25
        scene.go_on(NOTE_EVERY)
        clock.advance(60)
    observer.see([])

    counts = [gauges.latency["write"].count for _minute, gauges in storage.metrics.gauges(0, ALWAYS)]
    assert counts == [1, 1]
    assert observer.pulse.latency["write"].count == 2


def test_a_call_that_fails_is_not_timed(storage: Storage, scene: Scene) -> None:
    observer = Observer(a_host("host-a"), storage.metrics, scene.timetable)

    def fail() -> None:
        with observer.timing("read"):
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    observer.see([])

    assert observer.pulse.latency == {}


def test_a_note_that_cannot_be_stored_keeps_its_latencies(
    storage: Storage, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = Observer(a_host("host-a"), storage.metrics, scene.timetable)
    with observer.timing("read"):
        scene.now += 0.1
    with monkeypatch.context() as broken:

        def away(_gauges: Gauges) -> None:
            raise ValueError

        broken.setattr(storage.metrics, "note", away)
        with pytest.raises(ValueError):
            scene.go_on(FIRST_NOTE)

    scene.go_on(NOTE_EVERY)

    ((_minute, gauges),) = storage.metrics.gauges(0, ALWAYS)
    assert gauges.latency["read"].count == 1


def test_the_pulse_tells_how_many_workers_are_up(storage: Storage, scene: Scene) -> None:
    observer = Observer(a_host("host-a"), storage.metrics, scene.timetable)
    assert observer.pulse.workers_up == 0
    states = ("booting", "idle", "running", "exchange", "leaving", "stopped")
    observer.see([a_view(number, state) for number, state in enumerate(states)])

    assert observer.pulse.workers_up == 3
    scene.now += 7
    observer.turned()
    assert (observer.pulse.turned_at, observer.pulse.workers_up) == (scene.now, 3)
