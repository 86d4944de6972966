"""The supervisor's loop: one step takes what has happened, acts, and says how long it may sleep."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Mapping

from forge_jobs.clock import monotonic, monotonic_us
from forge_jobs.errors import UsageError
from forge_jobs_supervisor.messages import (
    BootFailed,
    Died,
    Drained,
    Farewell,
    Leave,
    Message,
    Ready,
    Settled,
    Token,
    Totals,
    Wake,
    decoded,
)
from forge_jobs_supervisor.parent.children import Child, Children, Phase
from forge_jobs_supervisor.parent.nursery import Crew, Nursery
from forge_jobs_supervisor.parent.restart import YOUNG, Restarts
from forge_jobs_supervisor.parent.shutdown import Shutdown
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Board, Head, State, Word
from forge_jobs_supervisor.unix.wakeup import Wakeup

_log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
ROUND = 1.0
"""Seconds between looks at the board for children that are stuck."""

STUCK_EXCHANGE = 5.0
"""Seconds a worker may be in one exchange: it would hold up every other writer. It is killed and rolls back."""

STUCK_COORDINATOR = 30.0


class Supervisor:
    """The parent of one host's farm. ``targets`` is how many workers each queue has."""

    def __init__(
        self,
        *,
        crew: Crew,
        targets: Mapping[str, int],
        grace: float,
        niceness: int,
        observe: Callable[[Totals], None] = lambda _totals: None,
    ) -> None:
        self._targets = dict(targets)
        self._grace = grace
        self._observe = observe
        slots = 2 * sum(targets.values()) + 8
        self._children = Children(slots)
        self._board = Board.create(slots)
        self._wakeup = Wakeup(SIGNALS)
        self._nursery = Nursery(crew, list(targets), self._board, self._children, self._wakeup, niceness)
        self._restarts = Restarts()
        self._shutdown: Shutdown | None = None
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
        ready, signals = self._wakeup.wait(self._patience())
        for number in signals:
            self._obey(number)
        for fd in ready:
            self._hear(fd)
        if signal.SIGCHLD in signals or monotonic() - self._looked_at >= ROUND:
            for pid, ending in processes.collect(self._children.pids):
                self._mourn(pid, ending)
        self._look_round()
        return self._proceed()

    def _patience(self) -> float:
        now = monotonic()
        waits = [ROUND]
        if self._shutdown is not None:
            wait = self._shutdown.wait(now)
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
        for queue, number in self._children.missing(self._targets):
            slot = self._children.free_slot()
            if slot is not None:
                self._nursery.bear_worker(queue, number, slot)

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
                self._pass_tokens(queue, jobs)
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

    def _pass_tokens(self, queue: str, jobs: int) -> None:
        """Wake as many idle workers as there are jobs; one that was told since it fell idle is told already."""
        for child in self._children.workers:
            if jobs <= 0:
                return
            slot = self._board.slot(child.slot)
            since = slot.get(Word.SINCE)
            if child.queue == queue and slot.state is State.IDLE and child.told_since != since:
                child.told_since = since
                child.say(Token())
                jobs -= 1

    # -- deaths ---------------------------------------------------------------------------------------------------

    def _mourn(self, pid: int, ending: processes.Ending) -> None:
        self._hear(next(c.lifeline.fileno() for c in self._children if c.pid == pid))  # its last words
        child = self._children.remove(pid)
        self._wakeup.forget(child.lifeline.fileno())
        child.lifeline.close()
        told = f"killed by {ending.signal}" if ending.signal else f"exit code {ending.exit_code}"
        if child.phase is Phase.BOOTING and self._shutdown is None:
            self._not_born(f"{child.name} could not start: {child.boot_error or told}")
        elif self._shutdown is None and not (child.phase is Phase.LEAVING and ending.exit_code == 0):
            _log.warning("%s (pid %d) died: %s; a new one is started", child.name, pid, told)
            running = child.is_worker and self._board.slot(child.slot).state is State.RUNNING
            if not running and monotonic() - child.born_at < YOUNG:
                self._restarts.died_young(monotonic())
        elif not child.is_worker and self.farewell is None:
            self._restarts.died_young(monotonic())
        if child.is_worker:
            self._send_obituary(child, ending)

    def _send_obituary(self, child: Child, ending: processes.Ending) -> None:
        slot = self._board.slot(child.slot)
        died = Died(
            process_id=slot.get(Word.PROCESS_ID),
            queue=child.queue,
            number=child.number,
            pid=child.pid,
            running=slot.state is State.RUNNING,
            started_no=slot.get(Word.STARTED_NO),
            exit_code=ending.exit_code,
            signal=ending.signal,
            cpu_seconds=ending.cpu_seconds,
            peak_memory=ending.peak_memory,
            stopped_by_us=child.stopped_by_us,
        )
        self._children.unsettled[child.slot] = died
        coordinator = self._children.coordinator
        if coordinator is not None:
            coordinator.say(died)
        slot.set(Word.STATE, State.DEAD)  # after the message: see the coordinator's beat

    def _look_round(self) -> None:
        """Kill children that are stuck; not after a pause of this process itself, when all look stuck."""
        now = monotonic()
        if now - self._looked_at < ROUND:
            return
        slept = now - self._looked_at > 3 * ROUND
        self._looked_at = now
        coordinator = self._children.coordinator
        if slept:
            return
        beat = (monotonic_us() - self._board.head(Head.COORDINATOR_BEAT)) / 1e6
        if coordinator is not None and beat > STUCK_COORDINATOR:
            _log.error("the coordinator has not moved for %.0f s and is killed", beat)
            processes.kill_group(coordinator.pid)
        for child in self._children.workers:
            slot = self._board.slot(child.slot)
            since = slot.get(Word.EXCHANGING)
            stuck = (monotonic_us() - since) / 1e6
            if since and stuck > STUCK_EXCHANGE:
                _log.error("%s has been in one exchange for %.0f s and is killed", child.name, stuck)
                processes.kill_group(child.pid)

    # -- the end --------------------------------------------------------------------------------------------------

    def _obey(self, number: int) -> None:
        if number == signal.SIGTERM or number == signal.SIGINT or number == signal.SIGHUP:
            if self._shutdown is None:
                _log.info("stopping: running jobs have %g s to finish", self._grace)
                self.stop()
            elif number == signal.SIGINT:
                _log.info("stopping at once: running jobs go back to the queue")
                self._shutdown.hurry()

    def stop(self, grace: float | None = None) -> None:
        """Begin the shutdown: from this instant nobody claims."""
        if self._shutdown is None:
            self._board.set_head(Head.NO_CLAIMS, 1)
            self._shutdown = Shutdown(monotonic(), self._grace if grace is None else grace)
            for child in self._children.workers:
                child.phase = Phase.LEAVING
                processes.ask_to_leave(child.pid)

    def _proceed(self) -> bool:
        """Carry the shutdown on, if there is one; False when it is over."""
        if self._shutdown is None:
            return True
        coordinator = self._children.coordinator
        orders = self._shutdown.decide(
            monotonic(),
            workers=len(self._children.workers),
            coordinator=coordinator is not None,
            settled=self.farewell is not None or self.hopeless is not None,
        )
        if orders.kill_workers:
            for child in self._children.workers:
                child.stopped_by_us = True
                processes.kill_group(child.pid)
        if coordinator is not None and orders.dismiss_coordinator and coordinator.phase is not Phase.LEAVING:
            coordinator.phase = Phase.LEAVING
            coordinator.say(Leave())
        if coordinator is not None and orders.kill_coordinator:
            processes.kill_group(coordinator.pid)
        return not orders.over
