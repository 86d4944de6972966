"""CPU-bound work of a known length, the same work without any queue, and waiting for facts."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.jobs import work

OUR_NICENESS = 10
"""The niceness of forge-jobs' workers, so also of the bare loop that they are compared with."""

PATIENCE = 60.0
"""Seconds after which something that has not happened will not."""

_processes = multiprocessing.get_context("fork")


def turns_of(seconds: float) -> int:
    """Return how many turns of ``work`` take so long here, by the fastest of several tries."""
    turns = 100_000
    fastest = min(_taken(turns) for _ in range(10))
    return max(round(turns * seconds / fastest), 1)


def _taken(turns: int) -> float:
    start = time.perf_counter()
    work(turns)
    return time.perf_counter() - start


def bare(processes: int, jobs: int, turns: int, *, niceness: int) -> float:
    """Return the seconds that as many processes need for all jobs, taking the next one from a counter they share.

    Raises RuntimeError if one of them ends without an answer, TimeoutError if it gives none within PATIENCE.
    """
    left = _processes.Value("i", jobs)
    barrier = _processes.Barrier(processes, timeout=PATIENCE)
    lines = [_processes.Pipe(duplex=False) for _ in range(processes)]
    children = [
        _processes.Process(target=_loop, args=(left, barrier, turns, niceness, theirs)) for _mine, theirs in lines
    ]
    try:
        for child, (_mine, theirs) in zip(children, lines, strict=True):
            child.start()
            theirs.close()
        starts, ends = zip(*(_answer(mine) for mine, _theirs in lines), strict=True)
        return float(max(ends) - min(starts))
    finally:
        for child in children:
            if child.pid is not None:
                child.join(timeout=1)
                child.kill()
        for mine, _theirs in lines:
            mine.close()


def _loop(left: Any, barrier: Any, turns: int, niceness: int, line: Connection) -> None:
    os.nice(niceness)
    barrier.wait()
    start = time.monotonic()
    while True:
        with left.get_lock():
            if left.value <= 0:
                break
            left.value -= 1
        work(turns)
    line.send((start, time.monotonic()))


def _answer(line: Connection) -> tuple[float, float]:
    if not line.poll(PATIENCE):
        raise TimeoutError(f"a process of the bare loop did not answer within {PATIENCE:g} s")
    try:
        start, end = line.recv()
    except EOFError:
        raise RuntimeError("a process of the bare loop ended without an answer") from None
    return start, end


def until(fact: Callable[[], bool], told: str, *, every: float = 0.01, within: float = PATIENCE) -> None:
    """Wait for a fact; raises TimeoutError, which names it by ``told``, after ``within`` seconds."""
    give_up = time.monotonic() + within
    while not fact():
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited {within:g} s for {told}")
        time.sleep(every)
