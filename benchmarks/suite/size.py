"""How much is measured, in the quick mode and in the full one."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.base import Contestant
from benchmarks.peers.ours import ForgePostgres, ForgeSqlite

_FEWEST = 200
_OUR_FEWEST = 20_000
_RIVALS = ("huey", "pgqueuer (batch 100)", "oban", "procrastinate", "ProcessPoolExecutor")


def is_ours(contestant: Contestant) -> bool:
    """Return whether this is forge-jobs, on whatever store."""
    return isinstance(contestant, ForgeSqlite | ForgePostgres)


def ours(contestants: Sequence[Contestant]) -> list[Contestant]:
    """Return those that are forge-jobs."""
    return [contestant for contestant in contestants if is_ours(contestant)]


class Size:
    """The numbers of a run, as pairs of quick and full."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.rounds = 2 if quick else 5
        """Rounds that forge-jobs goes in the contest, which is quick."""

        self.long_rounds = 1 if quick else 5
        """Rounds that forge-jobs goes in the scenarios that take longer."""

        self.peer_rounds = 1 if quick else 3
        """Rounds of all others, everywhere: they are many, and some are slow."""

        self.one_by_one = 300 if quick else 3000
        self.bulk = 5_000 if quick else 50_000
        self.pickups = 50 if quick else 300
        self.load_seconds = 0.6 if quick else 10.0
        self.crowd = 20_000 if quick else 1_000_000
        self.growth = () if quick else (1_000, 10_000, 100_000)
        """Pending rows, beside a whole crowd of them."""

        self.crowded_jobs = 5_000 if quick else 20_000
        self.each_enqueues = 30 if quick else 300
        """Jobs of each of many processes."""

        self.held_jobs = 10_000 if quick else 50_000

    def rounds_of(self, contestant: Contestant) -> int:
        """Return how many rounds a contestant goes in the contest."""
        return self.rounds if is_ours(contestant) else self.peer_rounds

    def long_rounds_of(self, contestant: Contestant) -> int:
        """Return how many rounds a contestant goes in the scenarios that take longer."""
        return self.long_rounds if is_ours(contestant) else self.peer_rounds

    def going(self, contestants: Sequence[Contestant], *, main: bool = False) -> list[Contestant]:
        """Return who takes part: in quick mode, in the ``main`` drain only, those peers that a target names."""
        if not self.quick:
            return list(contestants)
        return [one for one in contestants if is_ours(one) or (main and one.name in _RIVALS)]

    def backlog(self, contestant: Contestant) -> int:
        """Return how many no-op jobs a contestant drains: half a second of work, or three."""
        fewest = _OUR_FEWEST if is_ours(contestant) and not self.quick else _FEWEST
        return max(round(contestant.pace * (0.5 if self.quick else 3)), fewest)

    def spins(self, milliseconds: int, workers: int) -> int:
        """Return how many CPU-bound jobs keep so many workers busy long enough; a multiple of their number.

        The longer a job, the longer: at the end one worker may wait for the other's last job.
        """
        seconds = {1: (0.4, 1.0), 20: (0.6, 2.0), 200: (0.8, 4.0)}[milliseconds][not self.quick]
        return workers * round(seconds * 1000 / milliseconds)
