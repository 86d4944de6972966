"""What is told of a dead worker, by its slot, its wait status, and the order for which it was killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forge_jobs.model.stops import StopReason
from forge_jobs_supervisor.parent.children import Child
from forge_jobs_supervisor.parent.deaths import OutOfMemoryKills, obituary
from forge_jobs_supervisor.parent.orders import Order
from forge_jobs_supervisor.unix.board import Slot, State, Word
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.processes import Ending
from tests.support.builders import a_board

NOW = 50_000_000
PROCESS_ID = 2**62
CRASHED = Ending(exit_code=None, signal="SIGSEGV", cpu_seconds=12.5, peak_memory=5000)
KILLED = CRASHED._replace(signal="SIGKILL")


class Kernel:
    """The kernel's count of the processes it has killed for want of memory."""

    def __init__(self) -> None:
        self.count: int | None = 3

    def __call__(self) -> int | None:
        return self.count


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr("forge_jobs_supervisor.parent.deaths.oom_kills", made)
    monkeypatch.setattr("forge_jobs_supervisor.parent.deaths.monotonic_us", lambda: NOW)
    return made


@pytest.fixture
def kills(kernel: Kernel) -> OutOfMemoryKills:
    return OutOfMemoryKills()


@pytest.fixture
def slot() -> Slot:
    """A worker that has run its fifth job for three seconds, and had used ten seconds of CPU time before."""
    made = a_board(1).slot(0)
    for word, value in (
        (Word.PROCESS_ID, PROCESS_ID),
        (Word.STATE, State.RUNNING),
        (Word.STARTED_NO, 5),
        (Word.STARTED_AT, NOW - 3_000_000),
        (Word.CPU_BEFORE, 10_000_000),
    ):
        made.set(word, value)
    return made


@pytest.fixture
def child() -> Iterator[Child]:
    mine, theirs = Lifeline.pair()
    yield Child(pid=4711, lifeline=mine, queue="media", number=2, slot=0)
    mine.close()
    theirs.close()


def test_it_names_the_worker_and_how_it_ended(child: Child, slot: Slot, kills: OutOfMemoryKills) -> None:
    died = obituary(child, slot, CRASHED, kills)

    assert (died.process_id, died.queue, died.number, died.pid) == (PROCESS_ID, "media", 2, 4711)
    assert (died.running, died.started_no) == (True, 5)
    assert (died.exit_code, died.signal, died.peak_memory) == (None, "SIGSEGV", 5000)
    assert (died.killed_by_us, died.stopped_claim, died.stop_reason, died.out_of_memory) == (False, 0, 0, False)


def test_wall_and_cpu_time_are_those_of_the_attempt(child: Child, slot: Slot, kills: OutOfMemoryKills) -> None:
    died = obituary(child, slot, CRASHED, kills)

    assert (died.wall_time, died.cpu_time) == (3_000_000, 2_500_000)


def test_cpu_time_is_never_less_than_nothing(child: Child, slot: Slot, kills: OutOfMemoryKills) -> None:
    assert obituary(child, slot, CRASHED._replace(cpu_seconds=9.99), kills).cpu_time == 0


@pytest.mark.parametrize("state", set(State) - {State.RUNNING})
def test_who_ran_nothing_ran_for_no_time(child: Child, slot: Slot, kills: OutOfMemoryKills, state: State) -> None:
    slot.set(Word.STATE, state)

    died = obituary(child, slot, CRASHED, kills)

    assert (died.running, died.wall_time) == (False, 0)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (StopReason.CANCEL, "cancelled while it was running"),
        (StopReason.INTERRUPT, "the farm stopped"),
        (StopReason.TIMEOUT, "too long"),
        (StopReason.MEMORY, "too long"),
    ],
)
def test_it_says_for_which_claim_the_worker_was_killed_and_why(
    child: Child, slot: Slot, kills: OutOfMemoryKills, reason: StopReason, told: str
) -> None:
    child.killed_for = Order(PROCESS_ID, 5, reason, 0.0, told="too long")

    died = obituary(child, slot, KILLED, kills)

    assert (died.stopped_claim, died.stop_reason, died.stopped_for, died.killed_by_us) == (5, reason, told, True)


# -- the kernel's own kills ------------------------------------------------------------------------------------------


def test_a_sigkill_is_the_kernels_when_the_kernel_has_counted_one(
    child: Child, slot: Slot, kills: OutOfMemoryKills, kernel: Kernel
) -> None:
    assert not obituary(child, slot, KILLED, kills).out_of_memory
    kernel.count = 4

    assert obituary(child, slot, KILLED, kills).out_of_memory
    assert not obituary(child, slot, KILLED, kills).out_of_memory, "one death for each that it has counted"


def test_who_is_still_dying_at_a_look_is_the_kernels_but_not_at_the_next(
    child: Child, slot: Slot, kills: OutOfMemoryKills, kernel: Kernel
) -> None:
    kernel.count = 5
    kills.look()
    assert obituary(child, slot, KILLED, kills).out_of_memory
    kills.look()
    assert not obituary(child, slot, KILLED, kills).out_of_memory, "that one was somebody else"
    kernel.count = 6
    kills.look()
    kills.look()
    kernel.count = 7
    assert obituary(child, slot, KILLED, kills).out_of_memory


def test_in_another_control_group_the_count_begins_anew(
    child: Child, slot: Slot, kills: OutOfMemoryKills, kernel: Kernel
) -> None:
    kernel.count = 0
    kills.look()
    assert not obituary(child, slot, KILLED, kills).out_of_memory

    kernel.count = 1
    assert obituary(child, slot, KILLED, kills).out_of_memory


def test_any_other_death_is_not_the_kernels(child: Child, slot: Slot, kills: OutOfMemoryKills, kernel: Kernel) -> None:
    kernel.count = 4

    assert not obituary(child, slot, CRASHED, kills).out_of_memory


def test_our_own_kill_is_not_the_kernels(child: Child, slot: Slot, kills: OutOfMemoryKills, kernel: Kernel) -> None:
    kernel.count = 4
    child.killed_by_us = True

    died = obituary(child, slot, KILLED, kills)

    assert (died.killed_by_us, died.out_of_memory) == (True, False)


@pytest.mark.parametrize(("before", "after"), [(None, 4), (3, None), (None, None)])
def test_where_the_kernel_does_not_count_nothing_is_said(
    child: Child, slot: Slot, kernel: Kernel, before: int | None, after: int | None
) -> None:
    kernel.count = before
    kills = OutOfMemoryKills()
    kernel.count = after

    assert not obituary(child, slot, KILLED, kills).out_of_memory
