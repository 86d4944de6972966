"""How a scenario lets contestants take turns, and waits for what they do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from benchmarks.peers.base import Arena, Contestant, NotOnce

T = TypeVar("T")
PATIENCE = 120.0
_LOOK_EVERY = 0.005


class Progress(NamedTuple):
    """What was seen of a drain: jobs done within so many seconds, from the first look that saw progress to the last."""

    jobs: int
    seconds: float

    @property
    def rate(self) -> float:
        """Jobs per second."""
        return self.jobs / self.seconds


def taking_turns(
    rounds: int, contestants: Sequence[Contestant], trial: Callable[[Contestant], T]
) -> Mapping[str, list[T]]:
    """Let each run ``trial`` once a round, each round in the opposite order; return what it gave by name.

    One that fails is told of and left out from then on; NotOnce ends it all.
    """
    found: dict[str, list[T]] = {contestant.name: [] for contestant in contestants}
    left = list(contestants)
    for _ in range(rounds):
        for contestant in list(left):
            try:
                found[contestant.name].append(trial(contestant))
            except NotOnce:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a peer raises: the others go on
                print(f"{contestant.name} is left out: {type(error).__name__}: {error}", file=sys.stderr)
                left.remove(contestant)
                del found[contestant.name]
        left.reverse()
    return found


def until_done(arena: Arena, jobs: int) -> Progress:
    """Wait until so many jobs are recorded as done; raises TimeoutError when nothing has moved for two minutes."""
    first: tuple[int, float] | None = None
    seen = arena.done()
    moved = time.monotonic()
    while True:
        done, now = arena.done(), time.monotonic()
        if done > seen and first is None:
            first = (done, now)
        if done >= jobs:
            break
        if done > seen:
            seen, moved = done, now
        elif now - moved > PATIENCE:
            raise TimeoutError(f"{done} of {jobs} jobs were done, then none for {PATIENCE:g} s")
        time.sleep(_LOOK_EVERY)
    at_first, since = first or (0, now)
    return Progress(jobs - at_first, max(now - since, _LOOK_EVERY))
