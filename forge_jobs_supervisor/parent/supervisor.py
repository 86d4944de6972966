"""The supervisor's loop: one step takes what has happened, acts, and says how long it may sleep."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Mapping

from forge_jobs.clock import monotonic
from forge_jobs.errors import UsageError
from forge_jobs_supervisor.messages import (
    BootFailed,
    Drained,
    Dump,
    Farewell,
    Leave,
    Message,
    Ready,
    Settled,
    Stop,
    Targets,
    Totals,
    Wake,
    Watch,
)
from forge_jobs_supervisor.parent.awake import AwakeClock
from forge_jobs_supervisor.parent.children import Child, Phase
from forge_jobs_supervisor.parent.deaths import Deaths
from forge_jobs_supervisor.parent.handover import Estate, book_of, slots_for
from forge_jobs_supervisor.parent.nursery import Crew, Nursery
from forge_jobs_supervisor.parent.reload import Rehearsal, give_way
from forge_jobs_supervisor.parent.restart import Restarts
from forge_jobs_supervisor.parent.scaling import UNWORN, Wear
from forge_jobs_supervisor.parent.shutdown import Shutdown
from forge_jobs_supervisor.parent.stacks import Stacks
from forge_jobs_supervisor.parent.staffing import Staffing
from forge_jobs_supervisor.parent.stopping import Stopping
from forge_jobs_supervisor.parent.stuck import kill_stuck
from forge_jobs_supervisor.parent.tokens import pass_tokens
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Head
from forge_jobs_supervisor.unix.systemd import Notifier
from forge_jobs_supervisor.unix.wakeup import Wakeup

_log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
ROUND = 1.0
"""Seconds between looks at the board for children that are stuck."""


class Supervisor:
    """The parent of one host's farm. ``targets`` is how many workers each queue has."""

    def __init__(
        self,
        *,
        crew: Crew,
        targets: Mapping[str, int],
        grace: float,
        niceness: int,
        wear: Wear = UNWORN,
        max_jobs: int | None = None,
        observe: Callable[[Totals], None] = lambda _totals: None,
        estate: Estate | None = None,
        hangup_stops: bool = True,
    ) -> None:
        """Make a supervisor; ``estate`` is what one before it hands over. ``hangup_stops``: SIGHUP is no reload."""
        self._crew = crew
        self._grace = grace
        self._observe = observe
        self._hangup_stops = hangup_stops
        self._queues = list(dict.fromkeys([*(estate.queues if estate else ()), *targets]))
        self._board, self._children = book_of(estate, slots_for(targets))
        self._wakeup = Wakeup(SIGNALS)
        self._nursery = Nursery(crew, self._queues, self._board, self._children, self._wakeup, niceness, max_jobs)
        self._rehearsal = Rehearsal(crew)
        self._notifier = Notifier()
        self._clock = AwakeClock()
        self._stopping = Stopping(self._board, self._children, self._clock)
        self._staffing = Staffing(targets, self._board, self._children, wear)
        self._stacks = Stacks(self._board, self._children)
        self._restarts = Restarts()
        self._deaths = Deaths(self._board, self._children, self._restarts)
        self._shutdown: Shutdown | None = None
        self._look_in = ROUND
        self._looked_at = monotonic()
        self.farewell: Farewell | None = None
        self.hopeless: str | None = None
        if estate is not None:
            self._succeed()

    def _succeed(self) -> None:
        """Take over from the program that had this place: its coordinator goes at once, its workers one by one."""
        self._restarts.booted()
        for child in self._children:
            self._wakeup.watch(child.lifeline.fileno())
            if not child.is_worker:
                child.killed_by_us = True
                processes.kill_group(child.pid)
        self._looked_at = 0.0  # whoever ended meanwhile is collected at the first step
        processes.unblock_signals()

    def run(self) -> None:
        """Supervise until the farm has been stopped; ``hopeless`` and ``farewell`` say how it ended."""
        try:
            while self.step():
                pass
        finally:
            self._wakeup.close()

    def step(self) -> bool:
        """Take what has happened and act on it; False when the farm has stopped."""
        self._fill()
        self._staffing.relieve()
        patience = self._patience()
        ready, signals = self._wakeup.wait(patience)
        pause = self._clock.waited(patience)
        if pause:
            _log.warning("this process stood still for %.1f s; nobody is taken for late because of that", pause)
        for number in signals:
            self._obey(number)
        for fd in ready:
            self._hear(fd)
        if signal.SIGCHLD in signals or monotonic() - self._looked_at >= ROUND:
            for pid, ending in processes.collect(self._children.pids, strangers=True, others=self._rehearsal.pids):
                self._mourn(pid, ending)
            for _pid, ending in processes.collect(self._rehearsal.pids):  # last: it may not come back here
                self._after_rehearsal(ending)
        looks = (self._stopping.look(), self._stacks.look())
        self._look_in = min((wait for wait in looks if wait is not None), default=ROUND)
        self._look_round()
        return self._proceed()

    def _patience(self) -> float:
        if self._shutdown is None:
            wait: float | None = self._restarts.wait(monotonic()) or None
        else:
            wait = self._shutdown.wait(self._clock.now())
        return min(ROUND, self._look_in, ROUND if wait is None else wait)

    # -- births ---------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Start whoever is missing: the coordinator first, and workers only once it is up."""
        if self._restarts.wait(monotonic()) or self.hopeless:
            return
        coordinator = self._children.coordinator
        try:
            if coordinator is None and (self._shutdown is None or self._children.workers or self.farewell is None):
                self._nursery.bear_coordinator()
            elif coordinator is not None and coordinator.phase is Phase.UP and self._shutdown is None:
                self._fill_workers()
        except (OSError, UsageError) as error:  # no descriptor, no memory, no process to be had: later, perhaps
            self._not_born(f"a process could not be started: {error}")

    def _fill_workers(self) -> None:
        for queue, number in self._staffing.missing():
            slot = self._children.free_slot()
            if slot is not None:
                self._nursery.bear_worker(queue, number, slot, self._staffing.targets()[queue])

    def _not_born(self, reason: str) -> None:
        """Wait before the next try, or give up where nobody has ever come up."""
        _log.error("%s", reason, extra={"event": "boot.failed"})
        self._restarts.boot_failed(monotonic())
        if self._restarts.hopeless:
            self.hopeless = reason
            self.stop(grace=0.0)

    # -- what children say ----------------------------------------------------------------------------------------

    def _hear(self, fd: int) -> None:
        child = self._children.by_fd(fd)
        if child is None:
            return
        messages, there = child.hear()
        for message in messages:
            self._take(child, message)
        if not there:
            self._wakeup.forget(fd)  # its wait status will come: that is the fact

    def _take(self, child: Child, message: Message) -> None:
        match message:
            case Ready():
                self._is_ready(child)
            case BootFailed(reason=reason):
                child.boot_error = reason
            case Wake(queue=queue, jobs=jobs):
                pass_tokens(self._board, self._children.workers, queue, jobs)
            case Watch():
                self._stopping.called()
            case Stop(claims=claims):
                self._stopping.cancel(claims)
            case Targets(caps=caps):
                self._staffing.cap(caps)
            case Dump(process_ids=process_ids):
                self._stacks.ask(process_ids)
            case _:
                self._take_from_coordinator(message)

    def _is_ready(self, child: Child) -> None:
        child.phase = Phase.UP if child.phase is Phase.BOOTING else child.phase
        if not child.is_worker:
            self._nursery.coordinated = True
            self._board.set_head(Head.RELOADING, 0)
            return
        self._restarts.booted()
        if self._staffing.complete():
            self._notifier.ready()

    def _take_from_coordinator(self, message: Message) -> None:
        match message:
            case Settled(process_id=process_id):
                slot = self._children.settle(process_id)
                if slot is not None:
                    self._board.slot(slot).clear()
            case Drained():
                _log.info("drained: nothing is ready, running or waiting for a retry", extra={"event": "farm.drained"})
                self.stop()
            case Totals():
                self._observe(message)
            case Farewell():
                self.farewell = message

    # -- deaths ---------------------------------------------------------------------------------------------------

    def _mourn(self, pid: int, ending: processes.Ending) -> None:
        self._hear(next(c.lifeline.fileno() for c in self._children if c.pid == pid))  # its last words
        child = self._children.remove(pid)
        self._wakeup.forget(child.lifeline.fileno())
        child.lifeline.close()
        if child.phase is Phase.BOOTING and self._shutdown is None:
            self._not_born(f"{child.name} could not start: {child.boot_error or ending}")
        elif not child.is_worker:
            if self.farewell is None and not child.killed_by_us:
                self._restarts.died_young(monotonic())
        else:
            self._deaths.tell(child, ending, stopping=self._shutdown is not None)
        if child.is_worker:
            self._deaths.send_obituary(child, ending)

    def _look_round(self) -> None:
        """Once a second, but not right after a pause of this process itself, when all look stuck."""
        if monotonic() - self._looked_at < ROUND:
            return
        self._looked_at = monotonic()
        self._notifier.alive()
        self._deaths.look()
        if not self._clock.just_paused:
            kill_stuck(self._board, self._children)
        if self._shutdown is None:
            self._staffing.renew()

    # -- the end --------------------------------------------------------------------------------------------------

    def _obey(self, number: int) -> None:
        if number == signal.SIGUSR2:
            self._stacks.log_all()
        if number == signal.SIGHUP and not self._hangup_stops:
            if self._shutdown is None:
                self._notifier.reloading()
                self._rehearsal.start()
        elif number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if self._shutdown is None:
                self.stop()
                _log.info("stopping: running jobs have %g s to finish", self._grace, extra={"event": "farm.stopping"})
            elif number == signal.SIGINT:
                _log.info("stopping at once: running jobs go back to the queue", extra={"event": "farm.stopping"})
                self._shutdown.hurry(self._clock.now())

    def stop(self, grace: float | None = None) -> None:
        """Begin the shutdown: from this instant nobody claims."""
        if self._shutdown is None:
            self._notifier.stopping()
            self._rehearsal.give_up()
            self._board.set_head(Head.NO_CLAIMS, 1)
            self._shutdown = Shutdown(self._clock.now(), self._grace if grace is None else grace)
            for child in self._children.workers:
                child.phase = Phase.LEAVING
                processes.ask_to_leave(child.pid)

    def _after_rehearsal(self, ending: processes.Ending) -> None:
        """Become the new code if it has shown that it comes up; goes on here where that fails."""
        if self._rehearsal.ended(ending) and self._shutdown is None:
            self._reload()
        if self._shutdown is None:
            self._notifier.ready()

    def _reload(self) -> None:
        processes.block_signals(SIGNALS)
        _ready, signals = self._wakeup.wait(0.0)
        if signal.SIGTERM not in signals and signal.SIGINT not in signals:
            give_way(self._crew, self._board, self._queues, self._children)
        processes.unblock_signals()
        for number in signals:
            self._obey(number)

    def _proceed(self) -> bool:
        """Carry the shutdown on, if there is one; False when it is over."""
        if self._shutdown is None:
            return True
        coordinator = self._children.coordinator
        orders = self._shutdown.decide(
            self._clock.now(),
            workers=len(self._children.workers),
            coordinator=coordinator is not None,
            settled=self.farewell is not None or self.hopeless is not None,
        )
        if orders.interrupt is not None:
            self._stopping.interrupt(orders.interrupt)
            self._look_in = 0.0
        if orders.kill_workers:
            self._stopping.kill_rest(shielded=orders.kill_shielded)
        if coordinator is not None and orders.dismiss_coordinator and coordinator.phase is not Phase.LEAVING:
            coordinator.phase = Phase.LEAVING
            coordinator.say(Leave())
        if coordinator is not None and orders.kill_coordinator:
            processes.kill_group(coordinator.pid)
        return not orders.over
