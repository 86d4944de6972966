"""What becomes of a running job when its worker is killed."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from benchmarks.figures import Figure, say
from benchmarks.marks import Marks
from benchmarks.peers.base import Contestant, Job
from benchmarks.suite.size import Size
from benchmarks.suite.trials import PATIENCE, taking_turns

TITLE = "SIGKILL of a worker"
WORKERS = 2
_TURNS = 10**10
"""Longer than anybody waits: the job is killed, not ended."""


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return the seconds from the SIGKILL of a worker to the moment at which its job runs again."""
    say(TITLE)
    ours = [contestant for contestant in contestants if contestant.name.startswith("forge-jobs")]
    found = taking_turns(size.rounds, ours, _until_again)
    return [
        Figure(
            group=f"{TITLE}, to its job running again", name=name, unit="s", rounds=seconds,
            key=f"stopping/{name}/worker_again",
        )
        for name, seconds in found.items()
    ]  # fmt: skip


def _until_again(contestant: Contestant) -> float:
    with (
        tempfile.TemporaryDirectory(prefix="fj-marks-") as directory,
        Marks(Path(directory, "marks"), 1) as marks,
        contestant.ground() as arena,
        arena.farm(WORKERS) as pids,
    ):
        arena.enqueue(Job("spin", 0, _TURNS))
        _until(lambda: marks.starts[0] > 0)
        first = marks.starts[0]
        busy = [pid for pid in pids if " spin " in " ".join(psutil.Process(pid).cmdline())]
        killed = time.time()
        os.kill(busy[0], signal.SIGKILL)
        _until(lambda: marks.starts[0] > first)
        again = marks.starts[0] - killed
        for child in psutil.Process(pids[0]).children():
            if " spin " in " ".join(child.cmdline()):
                child.kill()  # or leaving would wait for it
        return again


def _until(fact: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not fact():
        if time.monotonic() > give_up:
            raise TimeoutError(f"nothing happened for {PATIENCE:g} s")
        time.sleep(0.001)
