"""The loop: rings and obituaries at once, everything else by the timetable in small slices."""

from __future__ import annotations

import contextlib
import logging
import os
import struct
from collections.abc import Callable, Sequence

from forge_jobs.clock import Clock, monotonic, monotonic_us
from forge_jobs.declaring import declare
from forge_jobs.errors import DatabaseBusy, DatabaseError, DatabaseUnusable
from forge_jobs.model.declared import Declared
from forge_jobs.model.queue import QueueSettings
from forge_jobs.settling import Settler
from forge_jobs.storage.records import HostRecord
from forge_jobs_supervisor.coordinator.admitting import Admitter
from forge_jobs_supervisor.coordinator.attending import Attendant
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.burial import Undertaker
from forge_jobs_supervisor.coordinator.leader import Leader
from forge_jobs_supervisor.coordinator.observing import Observer
from forge_jobs_supervisor.coordinator.reporting import DRAIN_EVERY, TOTALS_EVERY, Reporter
from forge_jobs_supervisor.coordinator.rescue import Rescuer
from forge_jobs_supervisor.coordinator.serving import Server
from forge_jobs_supervisor.coordinator.stores import Stores
from forge_jobs_supervisor.coordinator.timetable import NEVER, Duty, Timetable
from forge_jobs_supervisor.coordinator.waking import LOOK_EVERY, Waker
from forge_jobs_supervisor.messages import Died, Leave, Message, Settled, decoded, encoded
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Board, Head
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.wakeup import Wakeup

_log = logging.getLogger(__name__)

BEAT_EVERY = 2.0
LISTEN_EVERY = 2.0
SERVE_EVERY = 1.0
QUARANTINE_EVERY = 10.0


class Coordinator:
    """One host's coordinator. Made after the fork.

    ``first``: none has come up before it with this code, so it stores what the code declares. Others may have declared
    something newer since, which stands when a coordinator is replaced.
    """

    _quarantined_at = float("-inf")

    def __init__(
        self,
        *,
        host: HostRecord,
        stores: Stores,
        board: Board,
        queues: Sequence[str],
        lifeline: Lifeline,
        wakeup: Wakeup,
        settler: Settler,
        clock: Clock,
        drain: bool,
        totals: bool,
        declared: Declared,
        first: bool = True,
        server: Server | None = None,
    ) -> None:
        self._host = host
        self._declared, self._first = declared, first
        self._clock, self._server = clock, server
        self._stores = stores
        self._board = board
        self._lifeline = lifeline
        self._wakeup = wakeup
        self._leaving = self._database_away = False
        self._failed: set[Callable[[], None]] = set()
        self._view = view = BoardView(board, queues)
        self._timetable = timetable = Timetable()
        self._undertaker = Undertaker(host.host_id, stores, settler, clock)
        self._waker = Waker(host.queues, stores.upkeep, view, timetable, clock, self._say)
        self._rescuer = Rescuer(host, stores, view, self._undertaker, timetable, clock, self._waker.wake_for)
        self._leader = Leader(host.host_id, stores, timetable, clock)
        self._attendant = Attendant(host, stores, view, timetable, self._say)
        self._admitter = Admitter(stores.limits, timetable, self._waker.wake)
        self._reporter = Reporter(host, stores, view, self._say)
        self._observer = Observer(host, stores.metrics, timetable)
        timetable.add(
            Duty("beat", BEAT_EVERY, self._beat),
            Duty("look", LOOK_EVERY, self._look),  # after the beat, which is a change of the database itself
            Duty("checkpoint", LOOK_EVERY, self._stores.upkeep.checkpoint),
        )
        if drain:
            timetable.add(Duty("drain", DRAIN_EVERY, self._reporter.see_whether_drained, patient=True))
        if totals:
            timetable.add(Duty("totals", TOTALS_EVERY, self._reporter.tell_totals, patient=True))

    def boot(self) -> None:
        """Register the host, its queues, its schedules and its doorbell; raises DatabaseError."""
        if self._first:
            self._announce()
        else:
            self._announce_anew()
        self._doorbell = self._stores.doorbell(self._host.host_id)
        self._wakeup.watch(self._doorbell.fileno())
        self._timetable.add(Duty("listen", LISTEN_EVERY, self._doorbell.keep, due=monotonic() + LISTEN_EVERY))
        self._timetable.add(Duty("quarantine", NEVER, self._quarantine, due=NEVER))
        if self._server:
            self._server.watch(self._observer)
            self._timetable.add(Duty("serve", SERVE_EVERY, self._server.keep))
        self._wakeup.watch(self._lifeline.fileno())
        self._board.set_head(Head.COORDINATOR_BEAT, monotonic_us())
        self._tell("joined", "host.joined")

    def _tell(self, what: str, event: str) -> None:
        _log.info("host %s (%s) has %s", self._host.label, self._host.host_id, what,
                  extra={"event": event, "host": self._host.host_id})  # fmt: skip

    def _announce(self, *, declaring: bool = True) -> None:
        self._stores.registry.announce_host(self._host)
        for queue in self._host.queues:
            self._stores.queue_config.ensure_queue(QueueSettings(name=queue))
        for name in declare(self._stores, self._declared, self._clock.now()) if declaring else ():
            _log.info("schedule %s: what the code declares is new, and holds now", name)

    def run(self) -> None:
        """Keep house until everybody else has left, or until the parent is dead."""
        while not (self._leaving and not self._rescuer.to_bury):
            self.step()
        with contextlib.suppress(DatabaseError, OSError):
            self._reporter.say_farewell()
            self._leave_registry()
        self._doorbell.close()
        if self._server:
            self._server.close()

    def step(self) -> None:
        """Serve what has come, do what is due, sleep until the next of both."""
        self._board.set_head(Head.COORDINATOR_BEAT, monotonic_us())
        self._observer.turned()
        ready, _signals = self._wakeup.wait(min(self._timetable.next() - monotonic(), LOOK_EVERY))
        if self._lifeline.fileno() in ready:
            self._hear_parent()
        if self._doorbell.fileno() in ready:
            self._guarded(self._answer)
        self._guarded(self._bury)
        for duty in self._timetable.due(before := monotonic()):
            self._guarded(duty.act)
            duty.took(now := monotonic(), now - before)
            before = now

    def _guarded(self, act: Callable[[], None]) -> None:
        """Do something with the database; when it is away say so once and go on.

        So too when a row, or a ring, cannot be read that somebody wrote by hand, or the machine has no descriptor left:
        that must not end the housekeeping.
        """
        try:
            act()
        except DatabaseError as error:
            if not self._database_away:
                told = "%s; the coordinator tries again until it answers"
                _log.error(told, error, extra={"event": "database.away"})
            self._database_away = True
            if not isinstance(error, (DatabaseBusy, DatabaseUnusable)):
                self._suspect_rows()
        except OSError as error:
            if act not in self._failed:
                told = "%s failed and is tried again: %s"
                _log.error(told, act.__qualname__, error, extra={"event": "duty.failed"})
            self._failed.add(act)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, struct.error):
            if act not in self._failed:
                told = "%s failed and is tried again; is there a damaged row?"
                _log.exception(told, act.__qualname__, extra={"event": "duty.failed"})
            self._failed.add(act)
            self._suspect_rows()
        else:
            if self._database_away and act == self._beat:
                self._database_away = False
                _log.info("the coordinator has the database back", extra={"event": "database.back"})

    def _suspect_rows(self) -> None:
        """Look for damaged rows, now and then: all that are live are read."""
        if monotonic() - self._quarantined_at > QUARANTINE_EVERY:
            self._timetable.hasten("quarantine", monotonic())

    def _quarantine(self) -> None:
        self._quarantined_at = monotonic()
        if jobs := self._stores.upkeep.quarantine():
            told = "%d jobs are ended since their rows in the database are damaged: no program of ours wrote those"
            _log.error(told, jobs, extra={"event": "jobs.damaged", "jobs": jobs})

    def _hear_parent(self) -> None:
        datagrams, there = self._lifeline.receive()
        for datagram in datagrams:
            match decoded(datagram):
                case Died() as died:
                    self._rescuer.to_bury[died.process_id] = died
                case Leave():
                    self._leaving = True
        if not there:
            self._clean_up_after_parent()

    def _say(self, message: Message) -> None:
        self._lifeline.send(encoded(message))

    def _bury(self) -> None:
        for process_id in self._rescuer.bury():
            self._say(Settled(process_id=process_id))

    def _answer(self) -> None:
        """Take the rings that have come; anybody who may connect to the database can ring, and say what he likes."""
        if self._waker.answer(self._doorbell):
            self._look()

    def _look(self) -> None:
        """Look for all that may be to do: at an operator's ring, and now and then in case one was lost."""
        with self._observer.timing("read"):
            seen = self._stores.upkeep.look(self._host.host_id)
        self._waker.see(seen)
        self._admitter.see(seen)
        self._attendant.see(seen)
        self._leader.see(seen)

    def _beat(self) -> None:
        """Say that this host lives; then look for claims that nobody will ever hand in."""
        views = self._view.views()
        self._observer.see(views)
        with self._observer.timing("write"):
            known = self._stores.registry.beat(self._host.host_id, views)
        if not known:
            self._announce_anew()
        self._attendant.beat_again()
        self._rescuer.look_for_lost(self._hear_parent)

    def _announce_anew(self) -> None:
        """Be there again: after somebody reset the database, or took this host for dead.

        In the latter case others may have declared something newer meanwhile, which stands.
        """
        there = any(host.host_id == self._host.host_id for host in self._stores.registry.hosts())
        self._announce(declaring=not there)

    def _leave_registry(self) -> None:
        self._leader.resign()
        self._stores.registry.retire_host(self._host.host_id)
        self._tell("left", "host.left")

    def _clean_up_after_parent(self) -> None:
        """Kill the dead parent's workers and their groups, settle what they held, and leave."""
        told = "the supervisor is dead; its workers are stopped and their jobs go back to the queue"
        _log.error(told, extra={"event": "supervisor.died"})
        orphans = self._view.obituaries()
        for orphan in orphans:
            processes.kill_group(orphan.pid)
        processes.wait_until_gone([orphan.pid for orphan in orphans], seconds=5.0)
        with contextlib.suppress(DatabaseError, OSError):
            for orphan in [*self._rescuer.to_bury.values(), *orphans]:
                self._undertaker.bury(orphan)
            self._leave_registry()
        self._doorbell.close()
        os._exit(1)
