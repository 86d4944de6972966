"""Stopping running jobs: cancels, limits and the end of the grace, carried out on the workers of the board."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from forge_jobs.model.stops import StopReason
from forge_jobs_supervisor.messages import Drop
from forge_jobs_supervisor.parent.awake import AwakeClock
from forge_jobs_supervisor.parent.children import Child, Children
from forge_jobs_supervisor.parent.limits import LimitWatch
from forge_jobs_supervisor.parent.orders import REPEAT, Order, Seen, Step
from forge_jobs_supervisor.unix import processes
from forge_jobs_supervisor.unix.board import Board, Head, Slot, State, Word

_log = logging.getLogger(__name__)

IDLE_AFTER = 1.0
"""Seconds without limits or orders after which the board is not looked at any more until somebody calls."""


class Stopping:
    """All orders of one host."""

    def __init__(self, board: Board, children: Children, clock: AwakeClock) -> None:
        self._board = board
        self._children = children
        self._clock = clock
        self._orders: dict[tuple[int, int], Order] = {}
        self._limits = LimitWatch(board, clock)
        self._shields: dict[int, tuple[int, float]] = {}
        self._busy_at = clock.now()

    def cancel(self, claims: Iterable[tuple[int, int]]) -> None:
        """Stop these claims, which somebody cancelled: (process id, claim number)."""
        for process_id, claim_no in claims:
            self._order(process_id, claim_no, StopReason.CANCEL)

    def interrupt(self, most: float) -> None:
        """Stop whatever runs; a handler has ``most`` seconds to clean up, or its own grace if that is shorter."""
        for child in self._children.workers:
            slot = self._board.slot(child.slot)
            if slot.state is State.RUNNING:
                claim = (slot.get(Word.PROCESS_ID), slot.get(Word.STARTED_NO))
                self._orders.pop(claim, None)  # going back to the queue is kinder than any limit
                self._order(*claim, StopReason.INTERRUPT, most)

    def _order(self, process_id: int, claim_no: int, reason: StopReason, most: float = float("inf")) -> Order:
        key = (process_id, claim_no)
        if key not in self._orders:
            self._orders[key] = Order(process_id, claim_no, reason, self._clock.now(), most)
        return self._orders[key]

    def kill_rest(self, *, shielded: bool) -> None:
        """Kill every worker that is left; one whose job is being stopped by an order only if ``shielded``, too."""
        under_order = {order.process_id for order in self._orders.values()}
        for child in self._children.workers:
            if shielded or self._board.slot(child.slot).get(Word.PROCESS_ID) not in under_order:
                child.killed_by_us = True
                processes.kill_group(child.pid)

    def look(self) -> float | None:
        """Do what is due; return the seconds until the next look, None: when somebody calls."""
        wait = self._see_limits()
        if self._orders:
            self._carry_out()
        now = self._clock.now()
        if wait is not None or self._orders:
            self._busy_at = now
        if now - self._busy_at < IDLE_AFTER:
            self._board.set_head(Head.WATCHING, 1)
            return min(REPEAT, wait or REPEAT)
        if not self._board.head(Head.WATCHING):
            return None
        self._board.set_head(Head.WATCHING, 0)
        return 0.0  # one look more: a job may have started just before nobody watched

    def called(self) -> None:
        """Look often from now on: a job with a limit has started."""
        self._busy_at = self._clock.now()

    def _see_limits(self) -> float | None:
        wait = None
        for child in self._children.workers:
            seen = self._limits.look(child.pid, child.slot)
            if seen is None:
                continue
            wait = seen.wait if wait is None else min(wait, seen.wait)
            if seen.reason is not None:
                order = self._order(seen.process_id, seen.claim_no, seen.reason)
                order.told = order.told or seen.told
                if seen.hopeless:
                    order.hurry(self._clock.now())
        return wait

    def _carry_out(self) -> None:
        workers = {self._board.slot(child.slot).get(Word.PROCESS_ID): child for child in self._children.workers}
        now = self._clock.now()
        for key, order in list(self._orders.items()):
            child = workers.get(order.process_id)
            if child is None:
                del self._orders[key]
                continue
            slot = self._board.slot(child.slot)
            match order.decide(now, self._seen(slot)):
                case Step.OVER:
                    del self._orders[key]
                case Step.DROP:
                    child.say(Drop(claim_no=order.claim_no))
                    slot.set(Word.MAIL, slot.get(Word.MAIL) + 1)
                case Step.STRIKE:
                    slot.set(Word.STOP_REASON, order.reason)
                    slot.set(Word.STOP_CLAIM, order.claim_no)
                    processes.interrupt(child.pid)
                case Step.CLOSE:
                    slot.set(Word.NO_START, 1)
                case Step.KILL:
                    self._kill(child, order)

    def _kill(self, child: Child, order: Order) -> None:
        if child.killed_for is None:
            told = "%s (pid %d) is killed: its job did not stop in time"
            _log.warning(told, child.name, child.pid, extra=child.told("worker.killed"))
            child.killed_for = order
        processes.kill_group(child.pid)

    def _shield_of(self, slot: Slot) -> float:
        """Return until when a slot is shielded; what was asked for is not shortened by a pause since it was seen."""
        asked = slot.get(Word.SHIELD_UNTIL)
        if self._shields.get(slot.index, (0, 0.0))[0] != asked:
            self._shields[slot.index] = (asked, self._clock.at(asked / 1e6))
        return self._shields[slot.index][1] if asked else 0.0

    def _seen(self, slot: Slot) -> Seen:
        started_no = slot.get(Word.STARTED_NO)
        return Seen(
            process_id=slot.get(Word.PROCESS_ID),
            started_no=started_no,
            running=slot.state is State.RUNNING,
            grace=slot.get(Word.GRACE) / 1e6,
            shield_until=self._shield_of(slot),
        )
