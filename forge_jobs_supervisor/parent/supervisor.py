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
    decoded,
)
from forge_jobs_supervisor.parent.awake import AwakeClock
from forge_jobs_supervisor.parent.children import Child, Children, Phase
from forge_jobs_supervisor.parent.nursery import Crew, Nursery
from forge_jobs_supervisor.parent.obituary import OutOfMemoryKills, obituary
from forge_jobs_supervisor.parent.restart import YOUNG, Restarts
from forge_jobs_supervisor.parent.scaling import UNWORN, Wear
from forge_jobs_supervisor.parent.shutdown import Shutdown
from forge_jobs_supervisor.parent.stacks import Stacks
from forge_jobs_supervisor.parent.staffing import Staffing
from forge_jobs_supervisor.parent.stopping import Stopping
from forge_jobs_supervisor.parent.stuck import kill_stuck
from forge_jobs_supervisor.parent.tokens import pass_tokens
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Board, Head, State, Word
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
    ) -> None:
        self._grace = grace
        self._observe = observe
        slots = 2 * sum(targets.values()) + 8
        self._children = Children(slots)
        self._board = Board.create(slots)
        self._wakeup = Wakeup(SIGNALS)
        self._nursery = Nursery(crew, list(targets), self._board, self._children, self._wakeup, niceness, max_jobs)
        self._clock = AwakeClock()
        self._stopping = Stopping(self._board, self._children, self._clock)
        self._staffing = Staffing(targets, self._board, self._children, wear)
        self._stacks = Stacks(self._board, self._children)
        self._kills = OutOfMemoryKills()
        self._restarts = Restarts()
        self._shutdown: Shutdown | None = None
        self._look_in: float | None = None
        self._looked_at = monotonic()
        self.farewell: Farewell | None = None
        self.hopeless: str | None = None

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
            for pid, ending in processes.collect(self._children.pids):
                self._mourn(pid, ending)
        waits = [wait for wait in (self._stopping.look(), self._stacks.look()) if wait is not None]
        self._look_in = min(waits, default=None)
        self._look_round()
        return self._proceed()

    def _patience(self) -> float:
        now = monotonic()
        waits = [ROUND]
        if self._look_in is not None:
            waits.append(self._look_in)
        if self._shutdown is not None:
            wait = self._shutdown.wait(self._clock.now())
            waits.append(ROUND if wait is None else wait)
        elif self._restarts.wait(now):
            waits.append(self._restarts.wait(now))
        return min(waits)

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
        _log.error("%s", reason)
        self._restarts.boot_failed(monotonic())
        if self._restarts.hopeless:
            self.hopeless = reason
            self.stop(grace=0.0)

    # -- what children say ----------------------------------------------------------------------------------------

    def _hear(self, fd: int) -> None:
        child = self._children.by_fd(fd)
        if child is None:
            return
        datagrams, there = child.lifeline.receive()
        for datagram in datagrams:
            self._take(child, decoded(datagram))
        if not there:
            self._wakeup.forget(fd)  # its wait status will come: that is the fact

    def _take(self, child: Child, message: Message) -> None:
        match message:
            case Ready():
                child.phase = Phase.UP if child.phase is Phase.BOOTING else child.phase
                if child.is_worker:
                    self._restarts.booted()
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

    def _take_from_coordinator(self, message: Message) -> None:
        match message:
            case Settled(process_id=process_id):
                slot = self._children.settle(process_id)
                if slot is not None:
                    self._board.slot(slot).clear()
            case Drained():
                _log.info("drained: nothing is ready, running or waiting for a retry")
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
        told = f"killed by {ending.signal}" if ending.signal else f"exit code {ending.exit_code}"
        if child.phase is Phase.BOOTING and self._shutdown is None:
            self._not_born(f"{child.name} could not start: {child.boot_error or told}")
        elif self._shutdown is None and not self._was_planned(child, ending):
            _log.warning("%s (pid %d) died: %s; a new one is started", child.name, pid, told)
            running = child.is_worker and self._board.slot(child.slot).state is State.RUNNING
            if not running and monotonic() - child.born_at < YOUNG:
                self._restarts.died_young(monotonic())
        elif not child.is_worker and self.farewell is None and not child.killed_by_us:
            self._restarts.died_young(monotonic())
        if child.is_worker:
            self._send_obituary(child, ending)

    def _was_planned(self, child: Child, ending: processes.Ending) -> bool:
        """Whether it left as it was told to, or of its own accord, or was killed for its job."""
        if child.killed_by_us or child.killed_for is not None:
            return True
        leaves = child.phase is not Phase.UP or (
            child.is_worker and self._board.slot(child.slot).state is State.LEAVING
        )
        return ending.exit_code == 0 and leaves

    def _send_obituary(self, child: Child, ending: processes.Ending) -> None:
        slot = self._board.slot(child.slot)
        died = obituary(child, slot, ending, self._kills)
        self._children.unsettled[child.slot] = died
        coordinator = self._children.coordinator
        if coordinator is not None:
            coordinator.say(died)
        slot.set(Word.STATE, State.DEAD)  # after the message: see the coordinator's beat

    def _look_round(self) -> None:
        """Once a second, but not right after a pause of this process itself, when all look stuck."""
        if monotonic() - self._looked_at < ROUND:
            return
        self._looked_at = monotonic()
        if not self._clock.just_paused:
            kill_stuck(self._board, self._children)
        if self._shutdown is None:
            self._staffing.renew()

    # -- the end --------------------------------------------------------------------------------------------------

    def _obey(self, number: int) -> None:
        if number == signal.SIGUSR2:
            self._stacks.log_all()
        if number == signal.SIGTERM or number == signal.SIGINT or number == signal.SIGHUP:
            if self._shutdown is None:
                _log.info("stopping: running jobs have %g s to finish", self._grace)
                self.stop()
            elif number == signal.SIGINT:
                _log.info("stopping at once: running jobs go back to the queue")
                self._shutdown.hurry(self._clock.now())

    def stop(self, grace: float | None = None) -> None:
        """Begin the shutdown: from this instant nobody claims."""
        if self._shutdown is None:
            self._board.set_head(Head.NO_CLAIMS, 1)
            self._shutdown = Shutdown(self._clock.now(), self._grace if grace is None else grace)
            for child in self._children.workers:
                child.phase = Phase.LEAVING
                processes.ask_to_leave(child.pid)

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
        if orders.kill_workers:
            for child in self._children.workers:
                if orders.kill_shielded or not self._stopping.stops(child):
                    child.killed_by_us = True
                    processes.kill_group(child.pid)
        if coordinator is not None and orders.dismiss_coordinator and coordinator.phase is not Phase.LEAVING:
            coordinator.phase = Phase.LEAVING
            coordinator.say(Leave())
        if coordinator is not None and orders.kill_coordinator:
            processes.kill_group(coordinator.pid)
        return not orders.over
