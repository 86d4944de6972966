"""Dead workers: what is told of how they ended, and the obituary from which their jobs are settled."""

from __future__ import annotations

import logging

from forge_jobs.clock import monotonic, monotonic_us
from forge_jobs.model.stops import CANCELLED, StopReason
from forge_jobs_supervisor.messages import Died
from forge_jobs_supervisor.parent.children import Child, Children, Phase
from forge_jobs_supervisor.parent.restart import YOUNG, Restarts
from forge_jobs_supervisor.unix.board import Board, Slot, State, Word
from forge_jobs_supervisor.unix.processes import Ending
from forge_jobs_supervisor.unix.usage import oom_kills

_log = logging.getLogger(__name__)


class Deaths:
    """Says what has to be said about dead workers."""

    def __init__(self, board: Board, children: Children, restarts: Restarts) -> None:
        self._board = board
        self._children = children
        self._restarts = restarts
        self._kills = OutOfMemoryKills()

    def tell(self, child: Child, ending: Ending, *, stopping: bool) -> None:
        """Log a death that nobody meant; who dies idle right after its birth is replaced more slowly."""
        if stopping or child.killed_by_us or child.killed_for is not None:
            return
        state = self._board.slot(child.slot).state
        if ending.exit_code == 0 and (child.phase is not Phase.UP or state is State.LEAVING):
            return
        told = "%s (pid %d) died: %s; a new one is started"
        _log.warning(told, child.name, child.pid, ending, extra=child.told("worker.died"))
        if state is not State.RUNNING and monotonic() - child.born_at < YOUNG:
            self._restarts.died_young(monotonic())

    def look(self) -> None:
        """Look at the kernel's count while any worker works, so that a death is compared with a recent one."""
        if not self._board.all_idle():
            self._kills.look()

    def send_obituary(self, child: Child, ending: Ending) -> None:
        """Tell the coordinator, now and whenever it starts anew, until it has settled the dead worker's jobs."""
        slot = self._board.slot(child.slot)
        died = obituary(child, slot, ending, self._kills)
        self._children.unsettled[child.slot] = died
        coordinator = self._children.coordinator
        if coordinator is not None:
            coordinator.say(died)
        slot.set(Word.STATE, State.DEAD)  # after the message: see the coordinator's beat


class OutOfMemoryKills:
    """Tells a SIGKILL of the kernel's from anybody else's by the kernel's own count."""

    def __init__(self) -> None:
        self._seen = self._last = oom_kills()

    def look(self) -> None:
        """Take what the kernel had killed by the last look for somebody else's.

        Not what it has killed since: it counts when it kills, and a process with much memory takes a while to die. A
        count that went back is another one: this process was moved to another control group.
        """
        now = oom_kills()
        if self._last is None or now is None or now < self._last:
            self._seen = now
        elif self._seen is None or self._last > self._seen:
            self._seen = self._last
        self._last = now

    def has_struck(self) -> bool:
        """Return whether one kill of the kernel's has not been accounted for, and account for it."""
        now = oom_kills()
        if self._seen is None or now is None or now <= self._seen:
            return False
        self._seen += 1
        return True


def obituary(child: Child, slot: Slot, ending: Ending, kills: OutOfMemoryKills) -> Died:
    """Return a dead worker's obituary."""
    order = child.killed_for
    by_us = child.killed_by_us or order is not None
    running = slot.state is State.RUNNING
    return Died(
        process_id=slot.get(Word.PROCESS_ID),
        queue=child.queue,
        number=child.number,
        pid=child.pid,
        running=running,
        started_no=slot.get(Word.STARTED_NO),
        exit_code=ending.exit_code,
        signal=ending.signal,
        wall_time=monotonic_us() - slot.get(Word.STARTED_AT) if running else 0,
        cpu_time=max(round(ending.cpu_seconds * 1e6) - slot.get(Word.CPU_BEFORE), 0),
        peak_memory=ending.peak_memory,
        stopped_claim=order.claim_no if order else 0,
        stop_reason=order.reason if order else 0,
        stopped_for=_reason(order.reason, order.told) if order else "",
        killed_by_us=by_us,
        out_of_memory=ending.signal == "SIGKILL" and not by_us and kills.has_struck(),
    )


def _reason(reason: StopReason, told: str) -> str:
    return {StopReason.CANCEL: CANCELLED, StopReason.INTERRUPT: "the farm stopped"}.get(reason, told)
