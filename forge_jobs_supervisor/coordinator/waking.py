"""Waking workers: at a ring, when a job is due, and at a look, in case a ring was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from forge_jobs.clock import MICROSECONDS, Clock, monotonic
from forge_jobs.model.states import FINISHED
from forge_jobs.storage.claims import Ended
from forge_jobs.storage.ports import Doorbell, Upkeep
from forge_jobs.storage.records import Glance
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.timetable import NEVER, Duty, Timetable
from forge_jobs_supervisor.messages import Message, Wake

LOOK_EVERY = 0.5
DUE_SLICE = 500


class Waker:
    """Passes as many tokens as there are jobs, for queues whose workers have nothing to do."""

    def __init__(
        self,
        queues: Sequence[str],
        upkeep: Upkeep,
        view: BoardView,
        timetable: Timetable,
        clock: Clock,
        say: Callable[[Message], None],
    ) -> None:
        self._queues = queues
        self._upkeep = upkeep
        self._view = view
        self._timetable = timetable
        self._clock = clock
        self._say = say
        timetable.add(Duty("open_due", NEVER, self._open_due, due=NEVER))

    def answer(self, doorbell: Doorbell) -> bool:
        """Take the rings that have come; return whether one asks for attention."""
        attention = False
        ready: dict[str, int] = {}
        for queue, jobs, due in doorbell.rings():
            attention = attention or not queue
            if jobs:
                ready[queue] = ready.get(queue, 0) + jobs
            if due is not None:
                self._hasten_opening(due)
        self.wake(ready)
        return attention

    def see(self, seen: Glance) -> None:
        """Cover for a ring that was lost, and learn when the next job is due."""
        self.wake(seen.ready)
        if seen.next_due is not None:
            self._hasten_opening(seen.next_due)

    def wake_for(self, ended: Sequence[Ended]) -> None:
        """See to it that jobs which go on after such an end are run: now, or when they are due."""
        now = self._clock.now()
        ready: dict[str, int] = {}
        for end in ended:
            if end.status in FINISHED:
                continue
            if end.scheduled_at is None or end.scheduled_at <= now:
                ready[end.queue] = ready.get(end.queue, 0) + 1
            else:
                self._hasten_opening(end.scheduled_at)
        self.wake(ready)

    def wake(self, ready: Mapping[str, int]) -> None:
        """Pass tokens for so many jobs of each queue."""
        for queue, jobs in ready.items():
            if queue in self._queues and self._view.idle(queue):
                self._say(Wake(queue=queue, jobs=jobs))

    def _open_due(self) -> None:
        opened = self._upkeep.open_due(DUE_SLICE)
        self.wake(opened.ready)
        if opened.next_due is not None:
            self._hasten_opening(opened.next_due)

    def _hasten_opening(self, due: int) -> None:
        hasten_for(self._timetable, self._clock, "open_due", due)


def hasten_for(timetable: Timetable, clock: Clock, duty: str, due: int | None) -> None:
    """Do a duty at an instant that comes before the next look; what is later, that look will show."""
    if due is not None:
        wait = max(due - clock.now(), 0) / MICROSECONDS
        if wait < LOOK_EVERY:
            timetable.hasten(duty, monotonic() + wait)
