"""Stopping the handler that runs: real signals in this process, which hit the handler's own code and nothing else."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from forge_jobs.model.stops import (
    RAISED,
    JobCancelled,
    JobInterrupted,
    JobOutOfMemory,
    JobStopped,
    JobTimeout,
    StopReason,
)
from forge_jobs_supervisor.unix.board import Word
from forge_jobs_supervisor.worker.seat import Limits
from forge_jobs_supervisor.worker.stopping import Where, where_is
from tests.support.backends import Backend
from tests.support.clock import FakeClock
from tests.support.stopping import CLAIM, Place, strike, taking_the_signal


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    with taking_the_signal(made):
        yield made


@pytest.fixture
def went_by() -> list[str]:
    """What a handler did."""
    return []


# -- whom it hits ----------------------------------------------------------------------------------------------------


REASONS: list[tuple[StopReason, type[JobStopped], str]] = [
    (StopReason.CANCEL, JobCancelled, "cancelled while it was running"),
    (StopReason.TIMEOUT, JobTimeout, "the job ran longer than its limit of 2.5 s"),
    (
        StopReason.MEMORY,
        JobOutOfMemory,
        "the job used 9.5 MiB more than its idle worker; its limit is 8.0 MiB",
    ),
    (StopReason.INTERRUPT, JobInterrupted, "the farm stops"),
]


@pytest.mark.parametrize(("reason", "kind", "told"), REASONS)
def test_the_handler_that_runs_is_stopped_with_its_reason(
    place: Place, reason: StopReason, kind: type[JobStopped], told: str
) -> None:
    place.start(CLAIM, Limits(time=2_500_000, memory=8 * 2**20))
    place.slot.set(Word.MEMORY_SEEN, 19 * 2**19)

    stop = place.stopped(lambda: place.stop(reason))

    assert type(stop) is kind
    assert str(stop) == told
    assert not isinstance(stop, Exception)


def test_no_reason_is_missing_here() -> None:
    assert [reason for reason, *_ in REASONS] == list(StopReason) == list(RAISED)


def test_the_exception_comes_where_the_handler_is(place: Place) -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        place.stop()

    trace = place.stopped(lambda: deep(3)).__traceback__
    names = []
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next

    assert names.count("deep") == 4


@pytest.mark.parametrize("claim_no", [0, CLAIM - 1, CLAIM + 1, 2**62])
def test_a_signal_for_another_claim_hits_nobody(place: Place, claim_no: int) -> None:
    def handler() -> str:
        place.stop(claim_no=claim_no)
        return "undisturbed"

    assert place.run(handler) == "undisturbed"
    assert (place.stopper.requested(), place.stopper.struck()) == (None, None)


def test_a_signal_without_any_wish_hits_nobody(place: Place) -> None:
    assert place.run(strike) is None
    assert place.stopper.struck() is None


def test_a_signal_that_comes_late_does_not_hit_the_next_job(place: Place) -> None:
    place.ask()
    place.start(CLAIM + 1)

    assert place.run(strike) is None
    assert place.stopper.requested() is None


def test_the_workers_own_code_is_not_hit(place: Place) -> None:
    place.stop()
    assert place.run(lambda: "the job ended well") == "the job ended well"
    place.stop()

    assert place.stopper.struck() is None


def test_a_handler_that_has_returned_is_not_hit(place: Place) -> None:
    """The frame that called it is not its own: it has not begun yet, or has returned."""
    frames: list[FrameType] = []

    def handler() -> None:
        frames.extend([sys._getframe(1), sys._getframe()])

    place.run(handler)

    assert [where_is(frame) for frame in frames] == [Where.ELSEWHERE, Where.HANDLER]
    assert where_is(sys._getframe()) is Where.ELSEWHERE
    assert where_is(None) is Where.ELSEWHERE


def test_a_call_to_the_database_is_not_hit_though_the_handler_made_it(
    place: Place, backend: Backend, went_by: list[str]
) -> None:
    class Striking(FakeClock):
        """The parent's signal comes while the storage looks at its clock."""

        def now(self) -> int:
            strike()
            went_by.append("in the storage")
            return super().now()

    storage = backend.open(Striking())
    place.ask()

    def handler() -> None:
        storage.operator.counts()
        went_by.append("the database has answered, but the handler goes on no more")

    place.stopped(handler)

    assert went_by == ["in the storage"], "to its end, and not a step further"
    assert sys.getprofile() is None


def test_a_handler_in_another_thread_is_not_hit_but_can_look(place: Place, went_by: list[str]) -> None:
    def work() -> None:
        assert place.stopper.requested() is StopReason.CANCEL
        strike()
        went_by.append("undisturbed")

    def handler() -> None:
        place.ask()
        thread = threading.Thread(target=work)
        try:
            thread.start()
            thread.join()
        finally:
            thread.join()  # the exception came here, in the handler's own thread

    assert isinstance(place.stopped(handler), JobCancelled)
    assert went_by == ["undisturbed"]
