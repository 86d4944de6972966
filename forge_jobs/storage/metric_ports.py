"""The port of the metrics. An internal seam, as the others in ``ports.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from forge_jobs.model.metrics import Gauges, Measure
from forge_jobs.storage.observing import Key

ArchivedMetrics = Sequence[tuple[int, str, str, str]]
"""(minute, queue, kind, JSON) of every row."""


class Metrics(Protocol):
    """Held by coordinators, who fold and look at their hosts, and by whoever wants to see numbers."""

    def fold(self, limit: int) -> int:
        """Add at most ``limit`` entries of transactions to their minutes and to all time, each once; return how many.

        Only the leader folds; where two do, each entry is added once all the same.
        """

    def between(
        self, since: int, until: int, *, queue: str | None = None, kind: str | None = None, step: int = 0
    ) -> Mapping[Key, Measure]:
        """Return what happened from the minute of ``since`` to before that of ``until``, folded or not, in one view.

        By (beginning of the stretch of ``step`` microseconds, queue, kind); with ``step`` 0 all of it is one, under 0.
        """

    def totals(self) -> Mapping[tuple[str, str], Measure]:
        """Return all that ever happened, by (queue, kind), folded or not, in one view: no number of it ever falls."""

    def note(self, gauges: Gauges) -> None:
        """Store what a host, or the database, looks like in this minute."""

    def gauges(self, since: int, until: int) -> list[tuple[int, Gauges]]:
        """Return what hosts and the database looked like, with the instant at which each minute begins, in order."""

    def sizes(self) -> Mapping[str, float]:
        """Return what the database says of itself, by the names of gauges."""

    def forget(self, before: int, limit: int) -> int:
        """Remove at most ``limit`` minutes, and as many gauges, before an instant; return how many of both.

        What is kept for all time stays.
        """

    def archived(self) -> ArchivedMetrics:
        """Return all minutes and all time, folded or not; gauges are of hosts that are gone, and not among them."""

    def store_archived(self, metrics: ArchivedMetrics) -> None:
        """Store what ``archived`` gave, inside of ``Archive.locked``."""
