"""What the parent is told of the farm's work: how far it is, that it is drained, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from forge_jobs.showing import one_line
from forge_jobs.storage.records import HostRecord, Unserved
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.stores import Stores
from forge_jobs_supervisor.messages import Drained, Farewell, Message, Totals

DRAIN_EVERY = 0.1
TOTALS_EVERY = 0.25

MOST_UNSERVED = 50
"""Kinds in queues that a farewell names, and"""

LONGEST_UNSERVED = 300
"""characters of each: it must fit a datagram, also where a hand has written names that no program of ours stores."""


class Reporter:
    """Counts from the database: what a worker or a coordinator says of itself dies with it."""

    def __init__(self, host: HostRecord, stores: Stores, view: BoardView, say: Callable[[Message], None]) -> None:
        self._host = host
        self._stores = stores
        self._view = view
        self._say = say
        self._drained = False

    def see_whether_drained(self) -> None:
        """Tell once that nothing of the queues is ready, running or waiting for a retry."""
        if self._drained or not self._view.all_idle():
            return
        if self._stores.upkeep.unfinished(self._host.queues, self._host.kinds) == 0:
            self._drained = True
            self._say(Drained())

    def tell_totals(self) -> None:
        """Tell how many jobs have ended, and how many are left."""
        totals = self._stores.upkeep.run_totals(self._host.host_id)
        counts = self._stores.operator.counts()
        left = sum(c.pending + c.in_progress + c.failed for q, c in counts.items() if q in self._host.queues)
        self._say(Totals(done=totals.done, failed=totals.failed, dead=totals.dead, left=left))

    def say_farewell(self) -> None:
        """Tell how it ended, and what is left waiting that nobody serves."""
        totals = self._stores.upkeep.run_totals(self._host.host_id)
        waiting = told_unserved(self._stores.upkeep.unserved())
        self._say(Farewell(done=totals.done, failed=totals.failed, dead=totals.dead, unserved=waiting))


def told_unserved(unserved: Sequence[Unserved]) -> list[str]:
    """Return what waits and nobody serves in words: the first so many, and how many more there are."""
    told = [f"{u.jobs} of kind {u.kind} in queue {u.queue} ({u.reason})" for u in unserved[:MOST_UNSERVED]]
    if len(unserved) > MOST_UNSERVED:
        told.append(f"and {len(unserved) - MOST_UNSERVED:,} more kinds in queues: forge-jobs status names all")
    return [one_line(line)[:LONGEST_UNSERVED] for line in told]
