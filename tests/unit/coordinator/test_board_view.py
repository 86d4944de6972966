"""What the board says, as the coordinator reads it."""

from __future__ import annotations

import pytest

from forge_jobs.ids import new_job_id
from forge_jobs.storage.records import WorkerView
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.unix.board import NONE, OVERDUE, Board, Slot, State, Word
from tests.support.builders import a_board

NOW = 10_000_000
QUEUES = ["media", "default"]


@pytest.fixture
def board() -> Board:
    return a_board(4)


@pytest.fixture
def view(board: Board) -> BoardView:
    return BoardView(board, QUEUES)


def fill(board: Board, number: int, process_id: int, state: State, **words: int) -> Slot:
    slot = board.slot(number)
    for word, value in {"PROCESS_ID": process_id, "PID": 1000 + number, "NUMBER": number + 1, "STATE": state}.items():
        slot.set(getattr(Word, word), value)
    for name, value in words.items():
        slot.set(getattr(Word, name), value)
    return slot


def test_the_living_are_those_the_parent_has_not_marked_dead(board: Board, view: BoardView) -> None:
    for number, state in enumerate([State.BOOTING, State.RUNNING, State.DEAD, State.LEAVING]):
        fill(board, number, 10 + number, state)

    assert view.process_ids() == [10, 11, 13]


@pytest.mark.parametrize("state", State)
def test_a_slot_is_alive_in_every_state_but_free_and_dead(board: Board, view: BoardView, state: State) -> None:
    fill(board, 0, 10, state)

    assert view.process_ids() == ([] if state in (State.FREE, State.DEAD) else [10])


def test_a_slot_that_is_not_filled_yet_is_nobody(board: Board, view: BoardView) -> None:
    fill(board, 0, 0, State.BOOTING)

    assert (view.process_ids(), view.views(), view.obituaries()) == ([], [], [])


def test_the_idle_are_counted_by_queue(board: Board, view: BoardView) -> None:
    assert not view.anybody_idle()
    fill(board, 0, 10, State.IDLE, QUEUE=0)
    fill(board, 1, 11, State.IDLE, QUEUE=1)
    fill(board, 2, 12, State.RUNNING, QUEUE=1)
    fill(board, 3, 13, State.IDLE, QUEUE=1)

    assert (view.idle("media"), view.idle("default"), view.idle("other")) == (1, 2, 0)
    assert view.anybody_idle()


@pytest.mark.parametrize(
    ("states", "idle"),
    [
        ([], True),
        ([State.IDLE, State.IDLE], True),
        ([State.IDLE, State.RUNNING], False),
        ([State.EXCHANGE], False),
        ([State.BOOTING], False),
        ([State.LEAVING], False),
        ([State.DEAD], False),
    ],
)
def test_all_are_idle_when_nobody_has_anything_to_do_or_to_hand_in(
    board: Board, view: BoardView, states: list[State], idle: bool
) -> None:
    for number, state in enumerate(states):
        fill(board, number, 10 + number, state)

    assert view.all_idle() is idle


def test_somebody_holds_who_has_taken_more_than_it_started(board: Board, view: BoardView) -> None:
    fill(board, 0, 10, State.RUNNING, HELD_TO=3, STARTED_NO=3)
    assert not view.anybody_holds()
    fill(board, 1, 11, State.RUNNING, HELD_TO=3, STARTED_NO=2)
    assert view.anybody_holds()


@pytest.mark.parametrize(
    ("held_to", "started", "still_for", "overdue"),
    [(3, 1, OVERDUE + 1, True), (3, 1, OVERDUE, False), (3, 3, 10 * OVERDUE, False), (3, 0, OVERDUE + 1, True)],
)
def test_overdue_are_those_who_hold_and_have_not_moved(
    board: Board, view: BoardView, held_to: int, started: int, still_for: int, overdue: bool
) -> None:
    fill(board, 0, 10, State.RUNNING, HELD_TO=held_to, STARTED_NO=started, SINCE=NOW - still_for)

    assert view.overdue_holders(NOW) == ([(10, range(started + 1, held_to + 1))] if overdue else [])


@pytest.mark.parametrize(("claim_no", "known"), [(2, False), (3, True), (7, True), (8, False)])
def test_a_worker_knows_what_it_has_taken_and_not_recorded(
    board: Board, view: BoardView, claim_no: int, known: bool
) -> None:
    fill(board, 0, 10, State.RUNNING, RECORDED_NO=2, STARTED_NO=4, HELD_TO=7)

    assert view.knows(10, claim_no) is known
    assert not view.knows(11, claim_no)


def test_a_dead_worker_knows_nothing(board: Board, view: BoardView) -> None:
    fill(board, 0, 10, State.DEAD, RECORDED_NO=2, STARTED_NO=4, HELD_TO=7)

    assert not view.knows(10, 3)


def test_a_running_worker_is_shown_with_its_job(board: Board, view: BoardView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forge_jobs_supervisor.coordinator.board_view.monotonic_us", lambda: NOW)
    job_id = new_job_id()
    slot = fill(
        board, 0, 10, State.RUNNING,
        QUEUE=1, STARTED_NO=3, HELD_TO=5, STARTED_AT=NOW - 2_500_000, JOBS_DONE=9, PROGRESS_DONE=1, PROGRESS_TOTAL=4,
    )  # fmt: skip
    slot.set_job_id(job_id)
    slot.set_text(Word.KIND, "resize")
    slot.set_text(Word.NOTE, "half way")

    assert view.views() == [
        WorkerView(
            process_id=10,
            queue="default",
            number=1,
            pid=1000,
            state="running",
            job_id=job_id,
            kind="resize",
            running_seconds=2.5,
            held=2,
            jobs_done=9,
            progress_done=1,
            progress_total=4,
            progress_note="half way",
        )
    ]


def test_a_job_that_reports_no_progress_shows_none(board: Board, view: BoardView) -> None:
    fill(board, 0, 10, State.RUNNING, PROGRESS_DONE=NONE, PROGRESS_TOTAL=NONE)

    (shown,) = view.views()

    assert (shown.progress_done, shown.progress_total, shown.progress_note) == (None, None, None)


def test_a_job_may_report_progress_without_a_total(board: Board, view: BoardView) -> None:
    fill(board, 0, 10, State.RUNNING, PROGRESS_DONE=0, PROGRESS_TOTAL=NONE)

    (shown,) = view.views()

    assert (shown.progress_done, shown.progress_total) == (0, None)


def test_a_worker_that_runs_nothing_shows_nothing_of_its_last_job(board: Board, view: BoardView) -> None:
    slot = fill(board, 0, 10, State.IDLE, STARTED_NO=3, HELD_TO=3, PROGRESS_DONE=4, PROGRESS_TOTAL=4)
    slot.set_text(Word.KIND, "resize")
    slot.set_text(Word.NOTE, "ready")

    (shown,) = view.views()

    assert (shown.state, shown.job_id, shown.kind, shown.running_seconds) == ("idle", None, None, None)
    assert (shown.held, shown.progress_done, shown.progress_note) == (0, None, None)


def test_when_the_parent_is_dead_everybody_on_the_board_gets_an_obituary(board: Board, view: BoardView) -> None:
    fill(board, 0, 10, State.RUNNING, QUEUE=1, STARTED_NO=3)
    fill(board, 1, 11, State.IDLE, STARTED_NO=8)
    fill(board, 2, 12, State.DEAD)

    told = [(d.process_id, d.queue, d.pid, d.running, d.started_no, d.signal) for d in view.obituaries()]

    assert told == [(10, "default", 1000, True, 3, "SIGKILL"), (11, "media", 1001, False, 8, "SIGKILL")]
    assert all(d.with_supervisor and not d.killed_by_us for d in view.obituaries())
