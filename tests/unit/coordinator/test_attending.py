"""What operators want of a host, over a real storage and board: what the coordinator tells the parent, and answers."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Iterator, Sequence

import pytest

from forge_jobs.storage import Storage
from forge_jobs_supervisor.coordinator import attending
from forge_jobs_supervisor.coordinator.attending import (
    BEAT_WHILE_WATCHED,
    MOST_CLAIMS,
    SHARES_EVERY,
    STACK_LOOK,
    STACK_WITHIN,
    WATCHED_FOR,
    Attendant,
)
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.timetable import Duty, Timetable
from forge_jobs_supervisor.messages import Dump, Message, Stop, Targets, encoded
from forge_jobs_supervisor.unix.board import Slot, State, Word
from forge_jobs_supervisor.unix.lifeline import MAX_DATAGRAM
from forge_jobs_supervisor.unix.stacks import StackWriter
from tests.support.backends import Backend
from tests.support.builders import ALL, a_board, a_living_host, a_queue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand

QUEUES = ["default", "media"]


class Scene:
    """One living host with its attendant; what it tells its parent is kept. Time is turned by hand."""

    def __init__(self, storage: Storage, backend: Backend, host_id: str = "host-a") -> None:
        self.now = 1000.0
        self.storage = storage
        self.host = a_living_host(storage, backend, host_id, queues=QUEUES)
        self.board = a_board(3)
        self.said: list[Message] = []
        self.beats = 0
        self.timetable = Timetable([Duty("beat", 3600.0, self._beat, due=float("inf"))])
        view = BoardView(self.board, QUEUES)
        self.attendant = Attendant(self.host, storage, view, self.timetable, self.said.append)

    def _beat(self) -> None:
        self.beats += 1
        self.attendant.beat_again()

    def go_on(self, seconds: float = 0.0) -> None:
        """Do the duties that are due after a while."""
        self.now += seconds
        for duty in self.timetable.due(self.now):
            duty.act()

    def look(self) -> None:
        """See what there is to do, after a while."""
        self.now += SHARES_EVERY
        self.attendant.see(self.storage.upkeep.look(self.host.host_id))

    def hear(self, *kinds: type[Message]) -> list[Message]:
        """Let the attendant look once; return what it told its parent, of these kinds."""
        self.said.clear()
        self.look()
        return [message for message in self.said if isinstance(message, kinds or Message)]

    def has_worker(self, hand: Hand, index: int = 0) -> Slot:
        """Show a worker of this host on the board."""
        slot = self.board.slot(index)
        slot.set(Word.PROCESS_ID, hand.process_id)
        slot.set(Word.PID, os.getpid())
        slot.set(Word.STATE, State.RUNNING)
        return slot


@pytest.fixture
def scene(storage: Storage, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(storage, backend)
    monkeypatch.setattr(attending, "monotonic", lambda: made.now)
    return made


def running(storage: Storage, number: int = 1) -> Hand:
    """Return a worker that has claimed so many jobs."""
    enqueue_some(storage, number)
    hand = Hand(storage)
    assert len(hand.claim(rows=number)) == number
    return hand


def cancel_all(storage: Storage) -> None:
    cursor: int | None = 0
    while cursor is not None:
        cursor = storage.operator.cancel(ALL, 500, cursor).next


# -- cancels ---------------------------------------------------------------------------------------------------------


def test_while_nothing_is_cancelled_the_parent_is_told_nothing(scene: Scene, storage: Storage) -> None:
    scene.has_worker(running(storage))

    assert scene.hear(Stop) == []


def test_the_parent_is_told_which_of_its_claims_are_cancelled(scene: Scene, storage: Storage) -> None:
    hand = running(storage, 3)
    scene.has_worker(hand)
    claims = storage.registry.claims_of([hand.process_id])[hand.process_id]
    storage.operator.cancel(only(claims[0].id, claims[2].id), 10, 0)

    (stop,) = scene.hear(Stop)
    assert sorted(stop.claims) == [(hand.process_id, 1), (hand.process_id, 3)]


def test_claims_of_other_hosts_are_left_to_those(scene: Scene, storage: Storage) -> None:
    mine, _theirs = running(storage), running(storage)
    scene.has_worker(mine)
    cancel_all(storage)

    assert scene.hear(Stop) == [Stop(claims=[(mine.process_id, 1)])]


def test_a_cancel_is_told_again_until_the_claim_has_ended(scene: Scene, storage: Storage) -> None:
    hand = running(storage)
    scene.has_worker(hand)
    cancel_all(storage)
    told = scene.hear(Stop)

    assert scene.hear(Stop) == told != []
    (claim,) = storage.registry.claims_of([hand.process_id])[hand.process_id]
    hand.hand_in(hand.done(claim))
    assert scene.hear(Stop) == []


def test_many_cancels_are_told_in_messages_that_fit_the_line(scene: Scene, storage: Storage) -> None:
    hand = running(storage, 2 * MOST_CLAIMS + 1)
    scene.has_worker(hand)
    cancel_all(storage)

    told = [message for message in scene.hear(Stop) if isinstance(message, Stop)]

    assert [len(message.claims) for message in told] == [MOST_CLAIMS, MOST_CLAIMS, 1]
    assert sorted(claim for message in told for claim in message.claims) == [
        (hand.process_id, number) for number in range(1, 2 * MOST_CLAIMS + 2)
    ]


def test_the_largest_message_fits_the_line() -> None:
    assert len(encoded(Stop(claims=[(2**63 - 1, 2**63 - 1)] * MOST_CLAIMS))) < MAX_DATAGRAM


# -- caps ------------------------------------------------------------------------------------------------------------


def caps(scene: Scene) -> Sequence[dict[str, int | None]]:
    return [dict(told.caps) for told in scene.hear(Targets) if isinstance(told, Targets)]


def test_without_caps_a_host_may_have_as_many_workers_as_it_likes(scene: Scene) -> None:
    assert caps(scene) == [{"default": None, "media": None}]


def test_the_parent_is_told_of_caps_only_when_they_change(scene: Scene, storage: Storage) -> None:
    a_queue(storage)
    caps(scene)
    assert caps(scene) == []

    storage.queue_config.change_queue("default", {"max_workers": 3})
    assert caps(scene) == [{"default": 3, "media": None}]
    storage.queue_config.change_queue("default", {"paused": True})
    assert caps(scene) == []
    storage.queue_config.change_queue("default", {"max_workers": None})
    assert caps(scene) == [{"default": None, "media": None}]


@pytest.mark.parametrize(("cap", "shares"), [(0, (0, 0)), (1, (1, 0)), (2, (1, 1)), (5, (3, 2)), (40, (20, 20))])
def test_a_cap_is_shared_among_the_hosts_that_serve_the_queue(
    scene: Scene, storage: Storage, backend: Backend, clock: FakeClock, cap: int, shares: tuple[int, int]
) -> None:
    clock.advance(1)  # whoever came first
    first = Scene(storage, backend, "host-0")
    a_living_host(storage, backend, "host-1", queues=["strange"])
    a_queue(storage, max_workers=cap)

    told = [caps(host)[0]["default"] or 0 for host in (first, scene)]
    assert tuple(sorted(told, reverse=True)) == shares


def test_the_share_of_a_host_that_died_goes_to_the_others(scene: Scene, storage: Storage, backend: Backend) -> None:
    other = Scene(storage, backend, "host-b")
    a_queue(storage, max_workers=4)
    assert caps(scene) == [{"default": 2, "media": None}]

    backend.take_life(other.host.life_lock)

    assert caps(scene) == [{"default": 4, "media": None}]


def test_caps_of_queues_that_the_host_does_not_serve_are_not_its_business(scene: Scene, storage: Storage) -> None:
    a_queue(storage, "strange", max_workers=3)

    assert caps(scene) == [{"default": None, "media": None}]


# -- stacks ----------------------------------------------------------------------------------------------------------


def test_a_question_about_a_worker_that_is_not_there_is_answered_at_once(scene: Scene, storage: Storage) -> None:
    number = storage.control.ask("host-a", 12345, "stack")

    assert scene.hear(Dump) == []
    assert storage.control.answer_of(number) == ""


def test_a_question_about_a_worker_that_has_no_place_for_its_stack_yet_is_answered_at_once(
    scene: Scene, storage: Storage
) -> None:
    hand = running(storage)
    scene.has_worker(hand)
    number = storage.control.ask("host-a", hand.process_id, "stack")

    assert scene.hear(Dump) == []
    assert storage.control.answer_of(number) == ""


@pytest.fixture
def asked(scene: Scene, storage: Storage) -> Iterator[int]:
    """The number of a question about a worker, which is this process; it writes its stack when it is signalled."""
    writer = StackWriter()
    hand = running(storage)
    scene.has_worker(hand).set(Word.STACK_FD, writer.fd + 1)
    os.write(writer.fd, b"an older stack")
    number = storage.control.ask("host-a", hand.process_id, "stack")
    assert scene.hear(Dump) == [Dump(process_ids=[hand.process_id])]
    yield number
    faulthandler.unregister(signal.SIGUSR2)
    os.close(writer.fd)


def test_a_workers_stack_is_answered_when_it_is_written(scene: Scene, storage: Storage, asked: int) -> None:
    scene.go_on(STACK_LOOK)
    assert storage.control.answer_of(asked) is None, "not the older stack either"

    os.kill(os.getpid(), signal.SIGUSR2)
    scene.go_on(STACK_LOOK)
    assert storage.control.answer_of(asked) is None, "it may still be growing"
    scene.go_on(STACK_LOOK)

    answer = storage.control.answer_of(asked)
    assert answer is not None
    assert "test_a_workers_stack_is_answered_when_it_is_written" in answer
    assert "an older stack" not in answer


@pytest.mark.usefixtures("asked")
def test_the_worker_is_signalled_once_for_a_question(scene: Scene) -> None:
    assert scene.hear(Dump) == []


def test_a_worker_that_writes_nothing_is_not_waited_for_for_ever(scene: Scene, storage: Storage, asked: int) -> None:
    scene.go_on(STACK_WITHIN)
    assert storage.control.answer_of(asked) is None

    scene.go_on(STACK_LOOK)
    assert storage.control.answer_of(asked) == ""


def test_a_worker_that_dies_before_it_has_written_is_not_waited_for(scene: Scene, storage: Storage, asked: int) -> None:
    scene.board.slot(0).set(Word.STATE, State.DEAD)

    scene.go_on(STACK_LOOK)

    assert storage.control.answer_of(asked) == ""


def test_questions_to_other_hosts_are_left_to_those(scene: Scene, storage: Storage) -> None:
    number = storage.control.ask("host-b", 12345, "stack")

    assert scene.hear(Dump) == []
    assert storage.control.answer_of(number) is None


# -- being watched ---------------------------------------------------------------------------------------------------


def test_a_host_that_is_watched_beats_more_often_for_a_while(scene: Scene, storage: Storage) -> None:
    number = storage.control.ask("host-a", None, "watch")
    scene.look()
    storage.control.answer(number, "nobody asks again")

    for _ in range(round(WATCHED_FOR / BEAT_WHILE_WATCHED)):
        scene.go_on(BEAT_WHILE_WATCHED)
    watched = scene.beats
    for _ in range(20):
        scene.go_on(BEAT_WHILE_WATCHED)

    assert watched == WATCHED_FOR / BEAT_WHILE_WATCHED
    assert scene.beats <= watched + 1


def test_a_host_that_nobody_watches_beats_as_it_always_does(scene: Scene) -> None:
    scene.look()
    for _ in range(10):
        scene.go_on(BEAT_WHILE_WATCHED)

    assert scene.beats == 0


def test_who_serves_a_queue_is_looked_up_now_and_then_only(scene: Scene, storage: Storage, backend: Backend) -> None:
    other = Scene(storage, backend, "host-b")
    a_queue(storage, max_workers=5)
    told = caps(scene)
    backend.take_life(other.host.life_lock)
    seen = storage.upkeep.look("host-a")
    scene.said.clear()

    scene.attendant.see(seen)
    assert scene.said == []
    scene.now += SHARES_EVERY
    scene.attendant.see(seen)

    assert told != [{"default": 5, "media": None}] == [dict(t.caps) for t in scene.said if isinstance(t, Targets)]
