"""Reading statistics from a storage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.metrics import MINUTE, minute_of
from forge_jobs.model.names import checked_age, checked_kind, checked_queue
from forge_jobs.model.stats import Stats, checked_groups, hosts_of, rows_of, step_of

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage


class StatsReader:
    """What ``jobs.stats`` is: call it."""

    def __init__(self, storage: Callable[[], Storage]) -> None:
        self._storage = storage

    def __call__(
        self,
        *,
        since: float | str | timedelta = "1h",
        queue: str | None = None,
        kind: str | None = None,
        by: str | Sequence[str] = ("queue", "kind"),
        hosts: bool = False,
    ) -> Stats:
        """Return what happened since so long ago ("30s", "5m", "2h", "2d", seconds, a timedelta), to the minute.

        A row for each queue and kind, or ``by`` some of queue, kind, minute, hour and day. With ``hosts``, what the
        supervisors' machines and the database looked like too. The last 30 days are kept. Raises InvalidValue.
        """
        storage = self._storage()
        groups = checked_groups(by)
        age = round(checked_age(since, "since") * MICROSECONDS)
        until = storage.clock.now()
        first = max(minute_of(until - age), MINUTE)
        measures = storage.metrics.between(
            first,
            until + MINUTE,  # the minute that runs is told too
            queue=None if queue is None else checked_queue(queue),
            kind=None if kind is None else checked_kind(kind),
            step=step_of(groups),
        )
        return Stats(
            since=first,
            until=until,
            rows=rows_of(measures, groups, first, until),
            hosts=hosts_of(storage.metrics.gauges(first, until + MINUTE)) if hosts else (),
        )
