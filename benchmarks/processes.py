"""Several processes of the benchmark's own, let go at once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from typing import Any

PATIENCE = 300.0
"""Seconds after which something that has not happened will not."""

_forking = multiprocessing.get_context("fork")


def in_processes(number: int, act: Callable[[Barrier], Any]) -> list[Any]:
    """Run ``act`` in so many processes at once and return what each returned."""
    barrier = _forking.Barrier(number, timeout=60)
    lines = [_forking.Pipe(duplex=False) for _ in range(number)]

    def life(answer: Any) -> None:
        answer.send(act(barrier))

    children = [_forking.Process(target=life, args=(theirs,)) for _mine, theirs in lines]
    try:
        for child in children:
            child.start()
        answers = []
        for mine, theirs in lines:
            theirs.close()
            if not mine.poll(PATIENCE):
                raise TimeoutError(f"a process of the benchmark did not answer within {PATIENCE:g} s")
            answers.append(mine.recv())
        return answers
    finally:
        for child in children:
            child.join(timeout=10)
            if child.is_alive():
                child.kill()


def counter(start: int) -> Any:
    """Return a number that processes share: its ``value``, to be changed under ``get_lock()``."""
    return _forking.Value("i", start)
