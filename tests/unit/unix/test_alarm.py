"""Waiting for a lock with a time limit, by an alarm."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_jobs_supervisor.unix.alarm import wait_for_lock
from tests.support.holding import holding


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def fd(lock: Path) -> Iterator[int]:
    opened = os.open(lock, os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


def test_a_lock_that_is_free_is_had(fd: int) -> None:
    assert wait_for_lock(fd, 10.0)


def test_a_wait_always_ends_though_the_alarm_may_ring_before_it_begins(fd: int, lock: Path) -> None:
    """A signal that comes just before the call does not interrupt it."""
    with holding(lock):
        assert not any(wait_for_lock(fd, 0.0) for _ in range(300))


def test_afterwards_alarms_are_what_they_were(fd: int, lock: Path) -> None:
    def own(_number: int, _frame: object) -> None: ...

    before = signal.signal(signal.SIGALRM, own)
    try:
        with holding(lock):
            assert not wait_for_lock(fd, 0.0)
        assert signal.getsignal(signal.SIGALRM) is own
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)
