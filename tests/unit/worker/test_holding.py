"""What a worker claims ahead of jobs some milliseconds long, and what becomes of that when a sibling is idle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import cast

import pytest

from forge_jobs.clock import SystemClock, monotonic_us
from forge_jobs.ids import new_process_id
from forge_jobs.model.outcome import Verdict
from forge_jobs.settling import Settler, Used
from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.claims import Claim
from forge_jobs_supervisor.unix.board import Board, Head, State, Word
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.wakeup import Wakeup
from forge_jobs_supervisor.worker.appetite import FEW
from forge_jobs_supervisor.worker.runner import Ran, Runner
from forge_jobs_supervisor.worker.seat import Seat
from forge_jobs_supervisor.worker.worker import Worker
from tests.support.builders import a_board, a_host, a_queue, enqueue_some

MIDDLING = 0.0199
"""Seconds that every job is said to have taken."""

JOBS = 40


class Says:
    """Stands for the runner: every job succeeds, and is said to have taken so long."""

    def put_in_order(self) -> None:
        pass

    def run(self, claim: Claim, process_id: int, memory_limit: int | None, *, tiny: bool) -> Ran:
        assert not tiny
        return Ran(Verdict(result=b"null"), SystemClock().now(), MIDDLING, Used(0), stopped=False)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with closing(open_storage(f"sqlite:///{tmp_path}/queue.sqlite")) as opened:
        a_queue(opened)
        opened.registry.announce_host(a_host("here"))
        yield opened


@pytest.fixture
def board() -> Board:
    made = a_board(2)
    made.set_head(Head.COORDINATOR_BEAT, monotonic_us())
    return made


@pytest.fixture
def worker(storage: Storage, board: Board) -> Iterator[Worker]:
    with ExitStack() as opened:
        parent, lifeline = map(opened.enter_context, map(closing, Lifeline.pair()))
        wakeup = opened.enter_context(closing(Wakeup(())))
        assert parent.is_open()
        made = Worker(
            host_id="here", queue="default", number=1, process_id=new_process_id(), kinds=["work"], stores=storage,
            seat=Seat(board, board.slot(0)), lifeline=lifeline, wakeup=wakeup,
            settler=Settler("here", os.getpid(), lambda: 0.0), clock=SystemClock(), runner=cast("Runner", Says()),
        )  # fmt: skip
        made.announce()
        yield made


def claimed(storage: Storage) -> int:
    return storage.operator.counts()["default"].in_progress


def a_sibling(board: Board, state: State) -> None:
    board.slot(1).words[Word.STATE] = state


def until_held(worker: Worker, jobs: int) -> None:
    """Let the worker go on until it holds so many."""
    for _ in range(JOBS):
        worker.step()
        if len(worker._held) == jobs:
            return
    raise AssertionError(f"the worker never holds {jobs} jobs")


def test_a_few_are_claimed_at_once(storage: Storage, board: Board, worker: Worker) -> None:
    enqueue_some(storage, JOBS)
    a_sibling(board, State.RUNNING)

    until_held(worker, FEW - 1)

    assert claimed(storage) == FEW


def test_they_go_to_a_sibling_that_has_nothing_to_do(storage: Storage, board: Board, worker: Worker) -> None:
    enqueue_some(storage, JOBS)
    a_sibling(board, State.RUNNING)
    until_held(worker, FEW - 1)

    a_sibling(board, State.IDLE)
    worker.step()

    assert not worker._held  # it has run the one it kept
    assert claimed(storage) == 1


def test_the_sibling_gets_none_while_it_works_itself(storage: Storage, board: Board, worker: Worker) -> None:
    enqueue_some(storage, JOBS)
    a_sibling(board, State.RUNNING)
    until_held(worker, FEW - 1)

    worker.step()

    assert len(worker._held) == FEW - 2
