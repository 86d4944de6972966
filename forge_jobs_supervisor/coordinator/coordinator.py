"""The loop: rings and obituaries at once, everything else by the timetable in small slices."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from typing import Protocol

from forge_jobs.clock import MICROSECONDS, Clock, monotonic, monotonic_us
from forge_jobs.errors import DatabaseError
from forge_jobs.model.queue import QueueSettings
from forge_jobs.settling import Settler
from forge_jobs.storage.ports import (
    Doorbell,
    Leadership,
    Operator,
    ProcessRegistry,
    QueueConfig,
    Upkeep,
    WorkerQueue,
)
from forge_jobs.storage.records import Claim, Ended, HostRecord, RunTotals, Unserved
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.burial import Undertaker
from forge_jobs_supervisor.coordinator.timetable import Duty, Timetable
from forge_jobs_supervisor.messages import (
    Died,
    Drained,
    Farewell,
    Leave,
    Message,
    Settled,
    Totals,
    Wake,
    decoded,
    encoded,
)
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Board, Head
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.wakeup import Wakeup

_log = logging.getLogger(__name__)

LOOK_EVERY = 0.5
BEAT_EVERY = 2.0
LEASE_SECONDS = 15.0
LEAD_EVERY = 5.0
PRUNE_EVERY = 60.0
GIVE_BACK_EVERY = 0.1
DRAIN_EVERY = 0.05
TOTALS_EVERY = 0.25
DUE_SLICE = 500
PRUNE_SLICE = 500
PARK_SLICE = 5000
FORGOTTEN = 5 * MICROSECONDS
"""Microseconds after which a claim that its living worker does not know is given back."""


class Stores(Protocol):
    """What a coordinator needs of a storage."""

    @property
    def worker_queue(self) -> WorkerQueue: ...
    @property
    def registry(self) -> ProcessRegistry: ...
    @property
    def queue_config(self) -> QueueConfig: ...
    @property
    def upkeep(self) -> Upkeep: ...
    @property
    def leadership(self) -> Leadership: ...
    @property
    def operator(self) -> Operator: ...

    def doorbell(self, host_id: str) -> Doorbell: ...


class Coordinator:
    """One host's coordinator. Made after the fork."""

    def __init__(
        self,
        *,
        host: HostRecord,
        stores: Stores,
        board: Board,
        lifeline: Lifeline,
        wakeup: Wakeup,
        settler: Settler,
        clock: Clock,
        drain: bool,
        totals: bool,
    ) -> None:
        self._host = host
        self._stores = stores
        self._board = board
        self._view = BoardView(board, host.queues)
        self._lifeline = lifeline
        self._wakeup = wakeup
        self._settler = settler
        self._clock = clock
        self._undertaker = Undertaker(host.host_id, stores, settler, clock)
        self._to_bury: dict[int, Died] = {}
        self._drained = False
        self._leader = False
        self._leaving = False
        self._database_away = False
        self._unserved: list[Unserved] = []
        duties = [
            Duty("look", LOOK_EVERY, self._look),
            Duty("open_due", LOOK_EVERY, self._open_due),
            Duty("give_back", LOOK_EVERY, self._give_back_overdue),
            Duty("beat", BEAT_EVERY, self._beat),
            Duty("checkpoint", LOOK_EVERY, stores.upkeep.checkpoint),
            Duty("lead", LEAD_EVERY, self._lead),
            Duty("prune", PRUNE_EVERY, self._prune),
        ]
        if drain:
            duties.append(Duty("drain", DRAIN_EVERY, self._see_whether_drained))
        if totals:
            duties.append(Duty("totals", TOTALS_EVERY, self._tell_totals))
        self._timetable = Timetable(duties)

    def boot(self) -> None:
        """Register the host, its queues and its doorbell; raises DatabaseError."""
        self._announce()
        self._doorbell = self._stores.doorbell(self._host.host_id)
        self._wakeup.watch(self._doorbell.fileno())
        self._wakeup.watch(self._lifeline.fileno())
        self._board.set_head(Head.COORDINATOR_BEAT, monotonic_us())

    def _announce(self) -> None:
        self._stores.registry.announce_host(self._host)
        for queue in self._host.queues:
            self._stores.queue_config.ensure_queue(QueueSettings(name=queue))

    def run(self) -> None:
        """Keep house until everybody else has left, or until the parent is dead."""
        while not (self._leaving and not self._to_bury):
            self.step()
        self._retire()

    def step(self) -> None:
        """Serve what has come, do what is due, sleep until the next of both."""
        self._board.set_head(Head.COORDINATOR_BEAT, monotonic_us())
        ready, _signals = self._wakeup.wait(min(self._timetable.next() - monotonic(), LOOK_EVERY))
        if self._lifeline.fileno() in ready:
            self._hear_parent()
        if self._doorbell.fileno() in ready:
            self._answer_rings()
        self._guarded(self._bury)
        for duty in self._timetable.due(monotonic()):
            self._guarded(duty.act)

    def _guarded(self, act: Callable[[], None]) -> None:
        """Do something with the database; when it is away say so once and go on."""
        try:
            act()
        except DatabaseError as error:
            if not self._database_away:
                _log.error("%s; the coordinator tries again until it answers", error)
            self._database_away = True
        else:
            if self._database_away and act == self._look:
                self._database_away = False
                _log.info("the coordinator has the database back")

    def _hear_parent(self) -> None:
        datagrams, there = self._lifeline.receive()
        for datagram in datagrams:
            self._obey(decoded(datagram))
        if not there:
            self._clean_up_after_parent()

    def _obey(self, message: Message) -> None:
        match message:
            case Died():
                self._to_bury[message.process_id] = message
            case Leave():
                self._leaving = True

    def _say(self, message: Message) -> None:
        self._lifeline.send(encoded(message))

    # -- waking workers -------------------------------------------------------------------------------------------

    def _answer_rings(self) -> None:
        ready: dict[str, int] = {}
        for queue, jobs, due in self._doorbell.rings():
            if jobs:
                ready[queue] = ready.get(queue, 0) + jobs
            if due is not None:
                self._hasten_opening(due)
        self._wake(ready)

    def _wake(self, ready: dict[str, int]) -> None:
        for queue, jobs in ready.items():
            if queue in self._host.queues and self._view.idle(queue):
                self._say(Wake(queue=queue, jobs=jobs))
                self._timetable.hasten("give_back", monotonic() + GIVE_BACK_EVERY)

    def _look(self) -> None:
        """Cover for a ring that was lost, and learn when the next job is due."""
        seen = self._stores.upkeep.look()
        self._wake(dict(seen.ready))
        if seen.next_due is not None:
            self._hasten_opening(seen.next_due)

    def _hasten_opening(self, due: int) -> None:
        wait = max(due - self._clock.now(), 0) / MICROSECONDS
        if wait < LOOK_EVERY:
            self._timetable.hasten("open_due", monotonic() + wait)

    def _open_due(self) -> None:
        opened = self._stores.upkeep.open_due(DUE_SLICE)
        self._wake(dict(opened.ready))
        if opened.next_due is not None:
            self._hasten_opening(opened.next_due)

    # -- giving back and burying ----------------------------------------------------------------------------------

    def _wake_for(self, ended: Sequence[Ended]) -> None:
        now = self._clock.now()
        ready: dict[str, int] = {}
        for end in ended:
            if end.scheduled_at is None:
                continue
            if end.scheduled_at <= now:
                ready[end.queue] = ready.get(end.queue, 0) + 1
            else:
                self._hasten_opening(end.scheduled_at)
        self._wake(ready)

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
        ended = [self._settler.give_back(claim, process_id, self._clock.now()) for claim in claims]
        if ended:
            self._stores.worker_queue.exchange(process_id, ended, None)
            self._wake_for(ended)

    def _bury(self) -> None:
        for process_id, died in list(self._to_bury.items()):
            self._wake_for(self._undertaker.bury(died))
            del self._to_bury[process_id]
            self._say(Settled(process_id=process_id))

    def _beat(self) -> None:
        """Say that this host lives; then look for claims that nobody will ever hand in."""
        registry = self._stores.registry
        if not registry.beat(self._host.host_id, self._view.views()):
            self._announce()  # somebody reset the database
        dead = registry.dead_processes(self._host.host_id, self._view.process_ids())
        # The parent writes a slot before it forks, and sends the obituary before it marks a slot: so whoever was
        # born or died since the board was read above is known here.
        living = self._view.process_ids()
        self._hear_parent()
        dead = [p for p in dead if p not in living and p not in self._to_bury]
        if dead:
            settled = self._undertaker.bury_unseen(dead)
            if settled:
                _log.warning("%d jobs of %d processes that are gone are in the queue again", len(settled), len(dead))
            self._wake_for(settled)
        for host in registry.hosts():
            if not host.alive and host.host_id != self._host.host_id:
                registry.retire_host(host.host_id)
        for process_id, claims in registry.claims_before(self._clock.now() - FORGOTTEN).items():
            if process_id in living:
                self._give_back(process_id, [c for c in claims if not self._view.knows(process_id, c.claim_no)])

    # -- the leader's duties --------------------------------------------------------------------------------------

    def _lead(self) -> None:
        self._leader = self._stores.leadership.lead(self._host.host_id, LEASE_SECONDS)
        if not self._leader:
            return
        self._stores.upkeep.fold_tallies()
        unserved = self._stores.upkeep.park_unserved(PARK_SLICE)
        for item in unserved:
            if (item.queue, item.kind) not in {(u.queue, u.kind) for u in self._unserved}:
                _log.warning("%d jobs of kind %s wait in queue %s: %s", item.jobs, item.kind, item.queue, item.reason)
        self._unserved = unserved

    def _prune(self) -> None:
        if self._leader and self._stores.upkeep.prune(PRUNE_SLICE) == PRUNE_SLICE:
            self._timetable.hasten("prune", monotonic() + 0.05)

    # -- draining, totals, leaving --------------------------------------------------------------------------------

    def _see_whether_drained(self) -> None:
        if self._drained or self._to_bury or not self._view.all_idle():
            return
        if self._stores.upkeep.unfinished(self._host.queues, self._host.kinds) == 0:
            self._drained = True
            self._say(Drained())

    def _totals(self) -> RunTotals:
        return self._stores.upkeep.run_totals(self._host.host_id)

    def _tell_totals(self) -> None:
        totals = self._totals()
        counts = self._stores.operator.counts()
        left = sum(c.pending + c.in_progress + c.failed for q, c in counts.items() if q in self._host.queues)
        self._say(Totals(done=totals.done, failed=totals.failed, dead=totals.dead, left=left))

    def _retire(self) -> None:
        """Leave: the last word to the parent, then off the registry."""
        with contextlib.suppress(DatabaseError):
            totals = self._totals()
            waiting = [
                f"{u.jobs} of kind {u.kind} in queue {u.queue} ({u.reason})" for u in self._stores.upkeep.unserved()
            ]
            self._say(Farewell(done=totals.done, failed=totals.failed, dead=totals.dead, unserved=waiting))
            self._stores.leadership.resign(self._host.host_id)
            self._stores.registry.retire_host(self._host.host_id)
        self._doorbell.close()

    def _clean_up_after_parent(self) -> None:
        """Kill the dead parent's workers and their groups, settle what they held, and leave."""
        _log.error("the supervisor is dead; its workers are stopped and their jobs go back to the queue")
        orphans = self._view.obituaries()
        for orphan in orphans:
            processes.kill_group(orphan.pid)
        processes.wait_until_gone([orphan.pid for orphan in orphans], seconds=5.0)
        with contextlib.suppress(DatabaseError):
            for orphan in [*self._to_bury.values(), *orphans]:
                self._undertaker.bury(orphan)
            self._stores.leadership.resign(self._host.host_id)
            self._stores.registry.retire_host(self._host.host_id)
        self._doorbell.close()
        os._exit(1)
