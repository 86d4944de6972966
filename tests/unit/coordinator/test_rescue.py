"""The way back for claims, by comparing the database with the board."""

from __future__ import annotations

import itertools

import pytest

from forge_jobs.clock import MICROSECONDS, monotonic_us
from forge_jobs.model.states import Status
from forge_jobs.settling import Settler
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Ended
from forge_jobs_supervisor.coordinator import rescue
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.burial import Undertaker
from forge_jobs_supervisor.coordinator.rescue import Rescuer
from forge_jobs_supervisor.coordinator.timetable import Timetable
from forge_jobs_supervisor.messages import Died
from forge_jobs_supervisor.unix.board import FORGOTTEN, OVERDUE, State, Word
from tests.support.backends import Backend
from tests.support.builders import a_board, a_living_host, enqueue_some, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand


class Scene:
    """A living host with one worker, its slot, and the rescuer that watches over it."""

    def __init__(self, storage: Storage, backend: Backend, clock: FakeClock) -> None:
        self.storage = storage
        host = a_living_host(storage, backend)
        enqueue_some(storage, 3)
        self.worker = Hand(storage)
        self.claims = self.worker.claim(rows=3)
        board = a_board(2)
        self.slot = board.slot(0)
        for word, value in (
            (Word.PROCESS_ID, self.worker.process_id),
            (Word.STATE, State.RUNNING),
            (Word.STARTED_NO, 1),
            (Word.HELD_TO, 3),
            (Word.SINCE, monotonic_us()),
        ):
            self.slot.set(word, value)
        view = BoardView(board, ["default"])
        undertaker = Undertaker(host.host_id, storage, Settler("machine", 1, lambda: 0.0), clock)
        self.timetable = Timetable()
        self.woken_for: list[Ended] = []
        self._times = itertools.count(1e9)  # later than everything
        self.rescuer = Rescuer(host, storage, view, undertaker, self.timetable, clock, self.woken_for.extend)

    def statuses(self) -> list[Status]:
        return [record(self.storage, claim.id).status for claim in self.claims]

    def look_at_the_board(self) -> None:
        for duty in self.timetable.due(next(self._times)):
            duty.act()

    def look_for_lost(self) -> None:
        self.rescuer.look_for_lost(lambda: None)


@pytest.fixture
def scene(storage: Storage, backend: Backend, clock: FakeClock) -> Scene:
    return Scene(storage, backend, clock)


RUNNING, WAITING = Status.IN_PROGRESS, Status.PENDING


def test_a_worker_that_moves_keeps_what_it_holds(scene: Scene) -> None:
    scene.look_at_the_board()

    assert scene.statuses() == [RUNNING, RUNNING, RUNNING]


def test_a_worker_that_stands_still_loses_what_it_has_not_started(scene: Scene) -> None:
    scene.slot.set(Word.SINCE, monotonic_us() - OVERDUE - 1)

    scene.look_at_the_board()

    assert scene.statuses() == [RUNNING, WAITING, WAITING]
    assert [record(scene.storage, claim.id).attempts for claim in scene.claims] == [1, 0, 0]
    assert len(scene.woken_for) == 2


def test_claims_that_came_after_the_look_are_not_given_back(scene: Scene) -> None:
    scene.slot.set(Word.SINCE, monotonic_us() - OVERDUE - 1)
    scene.slot.set(Word.HELD_TO, 2)

    scene.look_at_the_board()

    assert scene.statuses() == [RUNNING, WAITING, RUNNING]


def test_a_living_worker_is_left_alone_however_long_it_runs(scene: Scene, clock: FakeClock) -> None:
    clock.advance(3600)

    scene.look_for_lost()

    assert scene.statuses() == [RUNNING, RUNNING, RUNNING]


def test_a_claim_that_its_living_worker_does_not_know_goes_back(
    scene: Scene, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.slot.set(Word.HELD_TO, 2)

    scene.look_for_lost()
    assert scene.statuses() == [RUNNING, RUNNING, RUNNING], "it may just have been made"
    clock.advance(FORGOTTEN / MICROSECONDS + 1)
    scene.look_for_lost()
    assert scene.statuses() == [RUNNING, RUNNING, RUNNING], "somebody may have set the clock"
    monkeypatch.setattr(rescue, "monotonic_us", lambda: monotonic_us() + FORGOTTEN)
    scene.look_for_lost()

    assert scene.statuses() == [RUNNING, RUNNING, WAITING]


def test_a_claim_that_its_living_worker_shows_late_is_left_alone(
    scene: Scene, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.slot.set(Word.HELD_TO, 2)
    clock.advance(3600)
    scene.look_for_lost()
    scene.slot.set(Word.HELD_TO, 3)
    monkeypatch.setattr(rescue, "monotonic_us", lambda: monotonic_us() + FORGOTTEN)

    scene.look_for_lost()

    assert scene.statuses() == [RUNNING, RUNNING, RUNNING]


def test_what_a_process_held_that_is_gone_goes_back_and_counts(scene: Scene) -> None:
    scene.slot.set(Word.STATE, State.FREE)

    scene.look_for_lost()

    assert scene.statuses() == [Status.FAILED] * 3
    assert scene.storage.worker_queue.exchange(scene.worker.process_id, [], None) is None


def test_a_death_whose_obituary_is_on_its_way_is_left_to_the_obituary(scene: Scene) -> None:
    scene.slot.set(Word.STATE, State.DEAD)
    process_id = scene.worker.process_id
    obituary = Died(
        process_id=process_id, queue="default", number=1, pid=9, running=True, started_no=1, exit_code=None,
        signal="SIGKILL", cpu_time=1, peak_memory=1,
    )  # fmt: skip

    scene.rescuer.look_for_lost(lambda: scene.rescuer.to_bury.update({process_id: obituary}))
    assert scene.statuses() == [RUNNING, RUNNING, RUNNING]

    assert scene.rescuer.bury() == [process_id]
    assert scene.statuses() == [Status.FAILED, WAITING, WAITING]
    assert scene.rescuer.bury() == []


def test_a_birth_while_the_database_is_read_is_no_death(scene: Scene) -> None:
    newcomer = Hand(scene.storage)

    def born() -> None:
        scene.slot.set(Word.PROCESS_ID, newcomer.process_id)

    scene.slot.set(Word.PROCESS_ID, newcomer.process_id)
    scene.rescuer.look_for_lost(born)

    assert scene.storage.worker_queue.exchange(newcomer.process_id, [], None) is not None


def test_the_hosts_that_are_gone_are_taken_off(scene: Scene, storage: Storage, backend: Backend) -> None:
    stranger = a_living_host(storage, backend, "host-b")
    backend.take_life(stranger.life_lock)

    scene.look_for_lost()

    assert [host.host_id for host in storage.registry.hosts()] == ["host-a"]
