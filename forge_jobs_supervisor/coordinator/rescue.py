"""The way back for claims: of workers that stand still, that died, or that nobody knows any more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from forge_jobs.clock import Clock, monotonic, monotonic_us
from forge_jobs.storage.claims import Claim, Ended, given_back
from forge_jobs.storage.records import HostRecord
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.burial import Undertaker
from forge_jobs_supervisor.coordinator.stores import Stores
from forge_jobs_supervisor.coordinator.timetable import Duty, Timetable
from forge_jobs_supervisor.messages import Died
from forge_jobs_supervisor.unix.board import FORGOTTEN

_log = logging.getLogger(__name__)

GIVE_BACK_EVERY = 0.1
"""Seconds between looks at the board while workers work; an idle farm is looked at less often."""

GIVE_BACK_IDLE = 0.5


class Rescuer:
    """Settles by levels, not by edges: each look compares the database with the board."""

    def __init__(
        self,
        host: HostRecord,
        stores: Stores,
        view: BoardView,
        undertaker: Undertaker,
        timetable: Timetable,
        clock: Clock,
        wake_for: Callable[[Sequence[Ended]], None],
    ) -> None:
        self._host = host
        self._stores = stores
        self._view = view
        self._undertaker = undertaker
        self._timetable = timetable
        self._clock = clock
        self._wake_for = wake_for
        self.to_bury: dict[int, Died] = {}
        self._unknown: dict[tuple[int, int], int] = {}
        """Since when claims are seen that their worker does not show: (process id, claim number), monotonic time."""

        timetable.add(Duty("give_back", GIVE_BACK_IDLE, self._give_back_overdue))

    def bury(self) -> list[int]:
        """Settle the workers whose obituaries have come; return their process ids."""
        buried = []
        for process_id, died in list(self.to_bury.items()):
            self._wake_for(self._undertaker.bury(died))
            del self.to_bury[process_id]
            buried.append(process_id)
        return buried

    def look_for_lost(self, hear_parent: Callable[[], None]) -> None:
        """Settle what processes hold that are gone, and claims that their living worker does not know."""
        registry = self._stores.registry
        census = registry.census(self._host.host_id, self._view.process_ids())
        # The parent writes a slot before it forks, and sends the obituary before it marks a slot: so whoever was
        # born or died since the board was read above is known here.
        living = self._view.process_ids()
        hear_parent()
        dead = [p for p in census.dead if p not in living and p not in self.to_bury]
        if dead:
            settled = self._undertaker.bury_unseen(dead)
            if settled:
                told = "%d jobs of %d processes that are gone are settled"
                _log.warning(told, len(settled), len(dead), extra={"event": "jobs.rescued", "jobs": len(settled)})
            self._wake_for(settled)
        for host_id in census.dead_hosts:
            registry.retire_host(host_id)
            _log.warning("host %s is gone, without a word", host_id, extra={"event": "host.lost", "host": host_id})
        self._give_back_forgotten([] if census.holding.isdisjoint(living) else living)

    def _give_back_forgotten(self, living: Sequence[int]) -> None:
        """Give back what was seen for ``FORGOTTEN`` without its worker showing it, by a clock that nobody sets.

        By the time in the rows alone a clock that is set forward would make a claim old that was made just now.
        """
        old = self._stores.registry.claims_before(self._clock.now() - FORGOTTEN) if living else {}
        now, before, self._unknown = monotonic_us(), self._unknown, {}
        for process_id, claims in old.items():
            if process_id not in living:
                continue
            unknown = {c.claim_no: c for c in claims if not self._view.knows(process_id, c.claim_no)}
            seen = {(process_id, claim_no): before.get((process_id, claim_no), now) for claim_no in unknown}
            self._unknown |= seen
            forgotten = [unknown[number] for (_id, number), at in seen.items() if now - at >= FORGOTTEN]
            self._give_back(process_id, forgotten)

    def _give_back_overdue(self) -> None:
        """Give back what workers hold that have not moved for long: a long job, or a stopped process."""
        if not self._view.all_idle():
            self._timetable.hasten("give_back", monotonic() + GIVE_BACK_EVERY)
        if not self._view.anybody_holds():
            return
        now = monotonic_us()  # before the board is read: see OVERDUE
        for process_id, held in self._view.overdue_holders(now):
            claims = self._stores.registry.claims_of([process_id])[process_id]
            self._give_back(process_id, [c for c in claims if c.claim_no in held])

    def _give_back(self, process_id: int, claims: Sequence[Claim]) -> None:
        ended = [given_back(claim, process_id, self._clock.now()) for claim in claims]
        if ended:
            self._stores.worker_queue.exchange(process_id, ended, None)
            self._wake_for(ended)
