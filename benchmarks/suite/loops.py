"""CPU-bound work of a known length, and the same loop without any queue."""

from __future__ import annotations

import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from benchmarks.jobs import work

NICE = 10
"""The niceness of a farm's workers, so also of the bare loop they are compared with."""

_PATIENCE = 120.0
_processes = multiprocessing.get_context("fork")


def turns_of(seconds: float) -> int:
    """Return how many turns of the loop take so long here, by the fastest of several tries."""
    turns = 100_000
    fastest = min(_seconds(turns) for _ in range(10))
    return max(round(turns * seconds / fastest), 1)


def _seconds(turns: int) -> float:
    start = time.perf_counter()
    work(turns)
    return time.perf_counter() - start


def bare(processes: int, jobs: int, turns: int) -> float:
    """Return the seconds that as many processes need for all jobs, taking the next one from a counter they share."""
    left = _processes.Value("i", jobs)
    barrier = _processes.Barrier(processes, timeout=_PATIENCE)
    lines = [_processes.Pipe(duplex=False) for _ in range(processes)]
    children = [_processes.Process(target=_loop, args=(left, barrier, turns, theirs)) for _mine, theirs in lines]
    try:
        for child in children:
            child.start()
        answers = [_answer(mine) for mine, _theirs in lines]
    finally:
        for child in children:
            child.join(timeout=10)
            if child.is_alive():
                child.kill()
    return max(end for _start, end in answers) - min(start for start, _end in answers)


def _loop(left: Any, barrier: Barrier, turns: int, answer: Connection) -> None:
    os.nice(NICE)
    barrier.wait()
    start = time.monotonic()
    while True:
        with left.get_lock():
            if left.value <= 0:
                break
            left.value -= 1
        work(turns)
    answer.send((start, time.monotonic()))


def _answer(line: Connection) -> tuple[float, float]:
    if not line.poll(_PATIENCE):
        raise TimeoutError(f"a process of the bare loop did not answer within {_PATIENCE:g} s")
    start, end = line.recv()
    return start, end
