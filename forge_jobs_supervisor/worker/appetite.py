"""How much a worker claims ahead: pure arithmetic on how long each kind of job has taken here.

A worker claims at most ``HOLD`` seconds of work at once, or ``FEW`` jobs if these take longer, as far as it comes to
them within ``LONGEST_HOLD``; more than one job only of kinds that are known to be short, and only while no sibling is
idle. So a job of 50 ms is claimed and recorded one at a time, one of 20 ms with four others, one of 50 µs by the
hundred.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from forge_jobs.storage.claims import Want

HOLD = 0.020
"""Seconds of work that are claimed ahead."""

FEW = 5
LONGEST_HOLD = 0.100
"""Seconds for which results may wait to be recorded, and jobs that are held; so many jobs are claimed at once at least,
if they are expected to be over by then. After 20 ms of a job's own work, when nothing is in the caches any more, an
exchange takes 1.3 ms on SQLite and 2.6 on PostgreSQL: after each of these jobs it would be 6 to 13 % of their time.
"""

LONGEST_SHORT = 0.040
"""Seconds up to which a kind is short: results may wait while a job of it runs."""

MAX_ROWS = 256
MAX_BYTES = 4 * 1024 * 1024
WEIGHT = 1 / 8
"""Of the newest run in the running mean: a kind's mean follows a change within a dozen jobs."""


class Appetite:
    """A running mean for each kind, except those of which one run says nothing of the next: these count as long."""

    def __init__(self, queue: str, kinds: Sequence[str], unlike: Collection[str] = ()) -> None:
        self._queue = queue
        self._kinds = kinds
        self._unlike = unlike
        self._means: dict[str, float] = {}
        self._pace = 0.0

    def learn(self, kind: str, seconds: float) -> None:
        """Take one run into the mean. A run much longer than the mean replaces it: better to claim too little."""
        if kind in self._unlike:
            return
        mean = self._means.get(kind)
        if mean is None or seconds > 8 * mean:
            self._means[kind] = seconds
        else:
            self._means[kind] = mean + (seconds - mean) * WEIGHT

    def keep_pace(self, seconds: float) -> None:
        """Learn how long a job took of what was claimed last, from one's begin to the next one's.

        On a machine that is busy with other things that is much longer than the job itself, and what does not come to
        its turn in time is taken away again. A slower pace counts at once, a quicker one step by step.
        """
        self._pace = max(seconds, (self._pace + seconds) / 2)

    def is_short(self, kind: str) -> bool:
        """Return whether results may wait while a job of this kind runs; an unknown kind counts as long."""
        return self._means.get(kind, LONGEST_HOLD) <= LONGEST_SHORT

    def is_tiny(self, kind: str) -> bool:
        """Return whether what is done around each job of this kind would take more than some percent of its time."""
        return self._means.get(kind, LONGEST_HOLD) * 2 <= HOLD

    def work(self, kinds: Iterable[str]) -> float:
        """Return how many seconds jobs of these kinds are expected to take."""
        return sum(self._means.get(kind, LONGEST_HOLD) for kind in kinds)

    def keeps(self, kinds: Sequence[str]) -> int:
        """Return how many of the held jobs, in order, are still worth holding."""
        weight = 0.0
        for position, kind in enumerate(kinds):
            weight += _weight(self._means.get(kind, LONGEST_HOLD))
            if weight > HOLD or not self.is_short(kind):
                return position
        return len(kinds)

    def want(self, first_claim_no: int, *, alone: bool, at_most: int | None = None) -> Want:
        """Return what to claim next. ``alone``: just one job, since a sibling is idle and would take the others."""
        weights = {kind: _weight(mean) * 1e6 for kind, mean in self._means.items() if mean <= LONGEST_SHORT}
        rows = 1
        if weights and not alone:
            rows = min(int(HOLD * 1e6 / max(min(weights.values()), 1.0)), MAX_ROWS, at_most or MAX_ROWS)
            rows = max(min(rows, int(LONGEST_HOLD / max(self._pace, 1e-6))), 1)
        return Want(
            queue=self._queue,
            kinds=self._kinds,
            first_claim_no=first_claim_no,
            rows=rows,
            budget=HOLD * 1e6,
            costs=weights,
            size=MAX_BYTES,
        )


def _weight(seconds: float) -> float:
    """Return how much of the hold a job takes that runs for so long: as much as it runs, but a fifth if it is long."""
    return max(min(seconds, HOLD / FEW), seconds * HOLD / LONGEST_HOLD)
