"""Farms that are programs: started, waited for, and ended by pid."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = "benchmarks.peers.worker_side"
"""The module that a worker's command is to import; its ``app`` is the contestant's application."""

CONTESTANT, STORE = "FORGE_BENCH_CONTESTANT", "FORGE_BENCH_STORE"
"""The environment variables by which that module knows whose application it is, and on which store."""

_START = 60.0
_LEAVE = 30.0


@contextlib.contextmanager
def running(
    commands: Sequence[Sequence[str]],
    *,
    contestant: str = "",
    store: str = "",
    processes: int = 0,
    ready: Callable[[], bool] = lambda: True,
) -> Iterator[list[int]]:
    """Have programs running in the block; gives the pids of all their processes.

    The block is entered once there are so many ``processes`` and they are ``ready``. ``contestant`` is the name of the
    module, ``store`` what its ``application`` gets, where the programs need one. Raises RuntimeError with what the
    programs wrote, if one of them leaves before that or they are not in time.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JOBS_")}
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # as in an activated environment
    environment |= {CONTESTANT: contestant, STORE: store, "PYTHONPATH": str(ROOT), "PATH": beside}
    with tempfile.TemporaryDirectory(prefix="fj-farm-") as directory, contextlib.ExitStack() as stack:
        log = Path(directory, "log")
        stream = stack.enter_context(log.open("w"))
        started: list[subprocess.Popen[bytes]] = []
        try:
            for command in commands:
                process = subprocess.Popen(
                    command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
                )  # fmt: skip
                started.append(process)
            _until(lambda: len(_family(started)) >= processes and ready(), started, log)
            yield [process.pid for process in _family(started)]
        finally:
            _end(started)


def _until(ready: Callable[[], bool], started: list[subprocess.Popen[bytes]], log: Path) -> None:
    give_up = time.monotonic() + _START
    while not ready():
        left = [process.returncode for process in started if process.poll() is not None]
        if left or time.monotonic() > give_up:
            what = f"left with exit code {left[0]}" if left else f"was not ready within {_START:g} s"
            raise RuntimeError(f"the farm {what}:\n{log.read_text()}")
        time.sleep(0.02)


def _family(started: list[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    found = []
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(process.pid)
            found += [parent, *parent.children(recursive=True)]
    return found


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    """Ask all to leave, wait, and kill what is still there: also children that their parent has left behind."""
    family = _family(started)
    for process in started:
        process.terminate()
    give_up = time.monotonic() + _LEAVE
    for process in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, give_up - time.monotonic()))
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()  # by pid and time of birth: psutil kills no stranger
    for process in started:
        process.wait()
