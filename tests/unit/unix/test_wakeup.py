"""The one interruptible wait, and the signals that are taken back after foreign code has changed them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from forge_jobs_supervisor.unix.wakeup import Wakeup
from tests.support.forking import in_child

NOTED = (signal.SIGTERM, signal.SIGUSR2)


class Acts:
    """What an action was called with."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self.calls.append(number)


@pytest.fixture
def acts() -> Acts:
    return Acts()


@pytest.fixture
def wakeup(acts: Acts) -> Iterator[Wakeup]:
    numbers = (*NOTED, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    descriptor, mask = signal.set_wakeup_fd(-1), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    made = Wakeup(NOTED, actions={signal.SIGUSR1: acts})
    yield made
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    made.close()
    for number, what in before.items():
        signal.signal(number, what)
    signal.set_wakeup_fd(descriptor)


def send(*numbers: int) -> None:
    for number in numbers:
        signal.raise_signal(number)  # to this thread: the tests' runner may have others


def test_signals_wake_and_are_told_in_order(wakeup: Wakeup) -> None:
    send(signal.SIGTERM, signal.SIGUSR2, signal.SIGTERM)

    assert wakeup.wait(0.0) == ([], [signal.SIGTERM, signal.SIGUSR2, signal.SIGTERM])
    assert wakeup.wait(0.0) == ([], [])


def test_a_signal_with_an_action_acts_at_once_and_wakes_too(wakeup: Wakeup, acts: Acts) -> None:
    send(signal.SIGUSR1)

    assert acts.calls == [signal.SIGUSR1]
    assert wakeup.wait(0.0) == ([], [signal.SIGUSR1])


def test_an_action_may_raise_where_it_interrupts(wakeup: Wakeup) -> None:
    class Stop(BaseException):
        pass

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stop

    raising = Wakeup((), actions={signal.SIGUSR1: stop})
    try:
        with pytest.raises(Stop):
            send(signal.SIGUSR1)
    finally:
        raising.close()


def test_a_descriptor_wakes_until_it_is_forgotten(wakeup: Wakeup) -> None:
    mine, theirs = os.pipe()
    wakeup.watch(mine)
    assert wakeup.wait(0.0) == ([], [])
    os.write(theirs, b"x")
    assert wakeup.wait(None) == ([mine], [])

    wakeup.forget(mine)
    wakeup.forget(mine)
    assert wakeup.wait(0.0) == ([], [])
    os.close(mine)
    os.close(theirs)


# -- what a handler may have changed ---------------------------------------------------------------------------------


def ignore_signals() -> None:
    for number in (*NOTED, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def default_signals() -> None:
    for number in (*NOTED, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)


def take_signals() -> None:
    for number in (*NOTED, signal.SIGUSR1):
        signal.signal(number, lambda _number, _frame: None)


def block_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, (*NOTED, signal.SIGUSR1))


def take_the_descriptor() -> None:
    signal.set_wakeup_fd(-1)


CHANGES: list[Callable[[], None]] = [
    ignore_signals,
    default_signals,
    take_signals,
    block_signals,
    take_the_descriptor,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_what_other_code_changed_is_taken_back(wakeup: Wakeup, acts: Acts, change: Callable[[], None]) -> None:
    change()

    wakeup.reclaim()

    send(signal.SIGUSR1, signal.SIGTERM)
    assert acts.calls == [signal.SIGUSR1]
    assert wakeup.wait(0.0) == ([], [signal.SIGUSR1, signal.SIGTERM])


def test_what_nobody_changed_stays(wakeup: Wakeup, acts: Acts) -> None:
    send(signal.SIGTERM)

    wakeup.reclaim()

    assert wakeup.wait(0.0) == ([], [signal.SIGTERM])
    assert acts.calls == []


def test_what_came_while_it_was_blocked_comes_when_it_is_taken_back(wakeup: Wakeup, acts: Acts) -> None:
    block_signals()
    send(signal.SIGUSR1)
    assert acts.calls == []

    wakeup.reclaim()

    assert acts.calls == [signal.SIGUSR1]


def test_a_child_takes_its_signals_before_it_lets_them_in() -> None:
    """It was forked with all of them blocked; making a wake-up does not change that."""

    def child() -> str:
        signal.pthread_sigmask(signal.SIG_BLOCK, NOTED)
        made = Wakeup(NOTED)
        still = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        made.close()
        return str(set(NOTED) <= still)

    assert in_child(child) == "True"


def test_a_forked_child_leaves_the_parents_wake_ups_alone(wakeup: Wakeup) -> None:
    def child() -> str:
        wakeup.abandon()
        wakeup.abandon()
        return "left"

    assert in_child(child) == "left"
    send(signal.SIGTERM)
    assert signal.SIGTERM in wakeup.wait(0.0)[1]
