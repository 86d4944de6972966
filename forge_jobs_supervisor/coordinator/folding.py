"""The leader's duties about metrics: minutes from single transactions, and forgetting old minutes."""

from __future__ import annotations

from collections.abc import Callable

from forge_jobs.clock import Clock, monotonic
from forge_jobs.model.metrics import KEPT, Gauges
from forge_jobs.storage.metric_ports import Metrics
from forge_jobs_supervisor.coordinator.timetable import Duty, Timetable

FOLD_EVERY = 5.0
FOLD_SLICE = 200
"""Entries folded in one go: each may be of 256 jobs, and wakes are served in between."""

FOLD_PAUSE = 0.02
FORGET_EVERY = 300.0
FORGET_SLICE = 500
FORGET_PAUSE = 0.05
SIZES_EVERY = 60.0


class Folder:
    """Does nothing while ``leads`` says that another host has the lease."""

    def __init__(self, metrics: Metrics, timetable: Timetable, clock: Clock, leads: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._timetable = timetable
        self._clock = clock
        self._leads = leads
        timetable.add(
            Duty("fold", FOLD_EVERY, self._fold),
            Duty("forget", FORGET_EVERY, self._forget),
            Duty("sizes", SIZES_EVERY, self._note_sizes, due=monotonic() + FOLD_EVERY),
        )

    def _fold(self) -> None:
        """Fold one slice more, until all are folded."""
        if self._leads() and self._metrics.fold(FOLD_SLICE) == FOLD_SLICE:
            self._timetable.hasten("fold", monotonic() + FOLD_PAUSE)

    def _forget(self) -> None:
        """Remove one slice more of what is older than a month."""
        if self._leads() and self._metrics.forget(self._clock.now() - KEPT, FORGET_SLICE) >= FORGET_SLICE:
            self._timetable.hasten("forget", monotonic() + FORGET_PAUSE)

    def _note_sizes(self) -> None:
        """Note how large the database is."""
        if self._leads():
            self._metrics.note(Gauges(values=dict(self._metrics.sizes())))
