"""The port of schedules. An internal seam, as the others in ``ports.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from forge_jobs.model.crontab import Fire, Firing, ScheduleRecord


class Schedules(Protocol):
    """Held by whoever declares or looks at schedules, and by the coordinator that leads, which fires them."""

    def all(self) -> list[ScheduleRecord]:
        """Return every schedule by name."""

    def get(self, name: str) -> ScheduleRecord | None:
        """Return one schedule, or None."""

    def edit(
        self, name: str, change: Callable[[ScheduleRecord | None], ScheduleRecord | None]
    ) -> ScheduleRecord | None:
        """Store what ``change`` makes of a schedule, which nobody else changes or fires meanwhile; return it.

        ``change`` is given None where there is no such schedule. Where it answers None, all stays as it was. It may
        be called again, and what it raises goes out.
        """

    def remove(self, name: str) -> bool:
        """Remove a schedule and its fires; False where there was none."""

    def fires(self, name: str, limit: int) -> list[Fire]:
        """Return the newest fires of a schedule, newest first."""

    def due(self, now: int, limit: int) -> list[ScheduleRecord]:
        """Return enabled schedules whose time has come, or is not known yet; those with an error last."""

    def next_due(self, now: int) -> int | None:
        """Return the next instant after ``now`` at which an enabled schedule fires."""

    def fire(self, firing: Firing) -> list[Fire] | None:
        """Store the jobs of a schedule's times, the times and the next one, in one transaction; then ring.

        None, having done nothing, where the schedule is not as it was seen: another fired or changed it. A job whose
        unique key is held is not stored; its time is recorded as skipped. Clears the schedule's error.
        """

    def note_error(self, name: str, error: str) -> None:
        """Store why a schedule did not fire."""

    def restore(self, schedules: Sequence[tuple[ScheduleRecord, Sequence[Fire]]]) -> None:
        """Store schedules as they were in another database, with their fires, inside of ``Archive.locked``."""
