"""How much is measured."""

from __future__ import annotations

from benchmarks.peers.base import Contestant

_FEWEST = 200


class Size:
    """Numbers of a run: a ``quick`` one is over in two minutes, a full one takes some thirty."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.rounds = 1 if quick else 5
        self.pickups = 60 if quick else 500
        self.one_by_one = 300 if quick else 3000
        self.bulk = 10_000 if quick else 20_000
        self.efficiency_seconds = 1.0 if quick else 6.0
        self.held = 8_000 if quick else 50_000
        self.idle_seconds = 5.0 if quick else 60.0
        self.starts = 5 if quick else 15

    def backlog(self, contestant: Contestant) -> int:
        """Return how many no-op jobs a contestant drains: about half a second of work, or three."""
        return max(round(contestant.pace * (0.5 if self.quick else 3.0)), _FEWEST)
