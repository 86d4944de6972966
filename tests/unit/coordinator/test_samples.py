"""What workers use: measured while they work, and now and then while they rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from forge_jobs_supervisor.coordinator import samples as module
from forge_jobs_supervisor.coordinator.samples import REST, Samples

SPINS = "while True: pass"


@pytest.fixture
def spinning() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", SPINS])
    yield process.pid
    process.kill()
    process.wait()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: made[0])
    return made


def until_it_shows(samples: Samples, pid: int, rests_since: int | None) -> float:
    while True:
        percent = samples.take(pid, rests_since).cpu_percent
        if percent:
            return percent


def test_who_works_is_sampled_each_time(spinning: int) -> None:
    samples = Samples()
    assert samples.take(spinning).cpu_percent is None, "there is nothing to compare with"
    assert until_it_shows(samples, spinning, None) > 1
    assert until_it_shows(samples, spinning, None) > 1


def test_who_rests_is_sampled_now_and_then(spinning: int, now: list[float]) -> None:
    """It does not really rest: so it shows when it is looked at."""
    samples = Samples()
    samples.take(spinning)
    working = samples.take(spinning, rests_since=1)
    resting = samples.take(spinning, rests_since=1)
    assert resting is not working, "the first sample was also of the work before"
    os.kill(spinning, signal.SIGSTOP)
    os.waitid(os.P_PID, spinning, os.WSTOPPED | os.WNOWAIT)
    assert samples.take(spinning, rests_since=1) is resting
    now[0] += REST
    assert samples.take(spinning, rests_since=1).stopped


def test_who_has_worked_meanwhile_is_sampled_anew(spinning: int, now: list[float]) -> None:
    samples = Samples()
    for _ in range(3):
        resting = samples.take(spinning, rests_since=1)
    assert samples.take(spinning, rests_since=2) is not resting
    for _ in range(3):
        resting = samples.take(spinning, rests_since=2)
    assert samples.take(spinning) is not resting
    assert samples.take(spinning, rests_since=2) is not resting


def test_who_is_gone_uses_nothing(spinning: int, now: list[float]) -> None:
    samples = Samples()
    for _ in range(3):
        samples.take(spinning, rests_since=1)
    samples.forget_all_but([])
    os.kill(spinning, signal.SIGKILL)
    os.waitid(os.P_PID, spinning, os.WEXITED | os.WNOWAIT)
    assert samples.take(spinning, rests_since=1).cpu_percent is None
