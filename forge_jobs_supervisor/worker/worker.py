"""The loop: exchange, run what was claimed, exchange again."""

from __future__ import annotations

import logging
import os
import signal
from collections import deque
from collections.abc import Collection, Sequence

from forge_jobs.clock import Clock, monotonic
from forge_jobs.errors import DatabaseError, ValueRefused
from forge_jobs.ids import new_process_id
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.settling import Settler
from forge_jobs.storage.claims import Claim, Ended, given_back
from forge_jobs.storage.records import ProcessRecord
from forge_jobs_supervisor.messages import Drop, decoded
from forge_jobs_supervisor.telling import tell_end
from forge_jobs_supervisor.unix import titles
from forge_jobs_supervisor.unix.board import FORGETTABLE, STOOD_STILL, State
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.wakeup import Wakeup
from forge_jobs_supervisor.worker.appetite import HOLD, LONGEST_HOLD, MAX_ROWS, Appetite
from forge_jobs_supervisor.worker.outage import Outage
from forge_jobs_supervisor.worker.refusals import Refusals, tell_late
from forge_jobs_supervisor.worker.runner import Runner
from forge_jobs_supervisor.worker.seat import Seat
from forge_jobs_supervisor.worker.sibling import Sibling
from forge_jobs_supervisor.worker.stores import Stores

_log = logging.getLogger(__name__)

_RELOADING = 0.05
"""Seconds between an idle worker's own looks while the parent is being replaced and passes no tokens."""


class Worker:
    """One worker process. Made after the fork."""

    def __init__(
        self,
        *,
        host_id: str,
        queue: str,
        number: int,
        process_id: int,
        kinds: Sequence[str],
        stores: Stores,
        seat: Seat,
        lifeline: Lifeline,
        wakeup: Wakeup,
        settler: Settler,
        clock: Clock,
        runner: Runner,
        max_jobs: int | None = None,
        unlike: Collection[str] = (),
    ) -> None:
        self._runner = runner
        self._jobs_left = max_jobs
        self._dropped: set[int] = set()
        self._mail_read = 0
        self._host_id, self._queue, self._number = host_id, queue, number
        self._process_id = process_id
        self._stores = stores
        self._seat = seat
        self._lifeline = lifeline
        self._wakeup = wakeup
        self._settler = settler
        self._clock = clock
        self._appetite = Appetite(queue, sorted(kinds), unlike)
        self._settings = QueueSettings(name=queue)
        self._held: deque[Claim] = deque()
        self._ended: list[Ended] = []
        self._refusals = Refusals(stores.worker_queue, settler, clock)
        self._last_claim_no = 0
        self._exchanged_at = 0.0
        self._has_more = False
        self._ran = 0
        self._in_doubt = False
        self._outage = Outage()
        self._leaving = False
        self._sibling = Sibling(seat)
        wakeup.watch(lifeline.fileno())

    def announce(self) -> None:
        """Register this worker; raises DatabaseError."""
        self._seat.announce(self._process_id, os.getpid())
        record = ProcessRecord(
            process_id=self._process_id,
            host_id=self._host_id,
            queue=self._queue,
            number=self._number,
            pid=os.getpid(),
            started_at=self._clock.now(),
        )
        self._asks_database()
        try:
            self._stores.registry.announce_worker(record)
            self._asks_database()  # each call has its own deadline
            self._stores.worker_queue.exchange(self._process_id, (), None)  # statements are prepared before a job waits
        finally:
            self._seat.has_answer()

    def _asks_database(self) -> None:
        """Let the parent see to it that this call does not hold up everybody: elsewhere its deadline is enough."""
        if self._stores.one_writer:
            self._seat.asks_database()

    def run(self) -> None:
        """Work until told to leave."""
        while not (self._leaving and not self._ended and not self._held):
            self.step()
        self._seat.enter(State.LEAVING)

    def step(self) -> None:
        """Exchange if it is time to, then run one job or sleep until there is one."""
        if not self._held or self._leaving or self._must_hand_in():
            self._runner.put_in_order()
            self._note_signals(0.0)
            if not self._exchange():
                return
        if self._held:
            self._run_next()
        elif not self._leaving:
            self._sleep()

    def _must_hand_in(self) -> bool:
        """Whether results cannot wait for one more job."""
        if not self._ended:
            return False
        waited = monotonic() - self._exchanged_at
        return waited > LONGEST_HOLD or not self._appetite.is_short(self._held[0].kind) or self._has_for_sibling()

    def _has_for_sibling(self) -> bool:
        """Whether more work is held than is over in a moment, while a sibling has none."""
        if self._has_more:
            self._has_more = self._appetite.work(claim.kind for claim in self._held) > HOLD
        return self._has_more and self._sibling.wants_jobs()

    # -- exchanging -----------------------------------------------------------------------------------------------

    def _exchange(self, *, release_all: bool = False, idle: bool = False) -> bool:
        """Hand in, give back what is not worth holding, and claim; False if the database did not answer.

        ``idle`` leaves the published state as it is, so that a ring in the middle of the exchange is passed on.
        """
        if self._ran:
            self._appetite.keep_pace((monotonic() - self._exchanged_at) / self._ran)
            self._ran = 0
        stood_still = not idle and self._seat.enter(State.EXCHANGE)
        release_all = release_all or stood_still or self._leaving
        self._release(keep=0 if release_all else self._keeps())
        kept = bool(self._held)
        want = None
        if not self._held and not self._leaving and self._seat.may_claim:
            want = self._appetite.want(
                self._last_claim_no + 1, alone=self._sibling.wants_jobs(), at_most=self._jobs_left
            )
        if want is None and not self._ended:
            return True
        try:
            self._resolve_doubt()
            self._asks_database()
            exchanged = self._stores.worker_queue.exchange(self._process_id, self._ended, want)
        except DatabaseError as error:
            self._seat.has_answer()
            self._not_exchanged(error)
            return False
        self._seat.has_answer()
        if exchanged is None:
            self._start_over()
            return False
        self._outage.is_over()
        self._handed_in(len(self._ended), exchanged.refused)
        self._held.extend(exchanged.claims)
        self._settings = exchanged.settings
        if exchanged.claims:
            self._last_claim_no = exchanged.claims[-1].claim_no
        still = self._seat.took([claim.claim_no for claim in self._held])
        self._leaving = self._leaving or self._seat.told_to_leave  # while this exchange was under way
        if self._leaving or still > FORGETTABLE or (kept and still > STOOD_STILL):
            self._release(keep=0)
        self._has_more = True
        self._exchanged_at = monotonic()
        return True

    def _keeps(self) -> int:
        """Return how many of the held jobs, in order, are still worth holding."""
        return 1 if self._has_for_sibling() else self._appetite.keeps([claim.kind for claim in self._held])

    def _resolve_doubt(self) -> None:
        """After an exchange of which nobody knows whether it was committed, give back what it may have claimed."""
        if self._in_doubt:
            self._asks_database()
            known = [e.claim_no for e in self._ended] + [c.claim_no for c in self._held]
            self._stores.worker_queue.give_back_unknown(self._process_id, known)
            self._in_doubt = False

    def _handed_in(self, number: int, refused: Sequence[int]) -> None:
        """Forget so many ends, the first: the database has answered."""
        ended = self._ended[:number]
        del self._ended[:number]
        if not self._ended:
            self._refusals.tried.clear()
        self._seat.count(sum(end.status is not Status.PENDING for end in ended))
        tell_late(ended, refused)

    def _release(self, *, keep: int) -> None:
        """Turn held claims beyond the first ``keep`` into give-backs of the next exchange."""
        while len(self._held) > keep:
            claim = self._held.pop()
            self._ended.append(given_back(claim, self._process_id, self._clock.now()))

    def _not_exchanged(self, error: DatabaseError) -> None:
        """Try again later; what the database does not take is to harm its own job only: hand in one by one."""
        if not (isinstance(error, ValueRefused) and self._ended):
            self._wait_for_database(error)
            return
        _log.error("%s; results are handed in one by one", error, extra={"event": "database.refused"})
        self._doubt()
        try:
            self._resolve_doubt()
            while self._ended:
                self._asks_database()
                refused = self._refusals.hand_in(self._ended[0], self._settings)
                self._seat.has_answer()
                if refused is None:
                    self._start_over()
                    return
                self._handed_in(1, refused)
        except DatabaseError as again:
            self._seat.has_answer()
            self._wait_for_database(again)

    def _doubt(self) -> None:
        """Take what the last exchange claimed, if it was committed, for unknown; hold nothing."""
        self._in_doubt = True
        self._last_claim_no += MAX_ROWS  # those that it may have claimed are never used again
        self._release(keep=0)

    def _wait_for_database(self, error: DatabaseError) -> None:
        """Keep what has ended and try again later; whether the last exchange was committed is not known."""
        self._doubt()
        self._note_signals(self._outage.goes_on(error, self._process_id))

    def _start_over(self) -> None:
        """Begin again under a new process id: this one was rescued, nothing it holds is its own any more."""
        jobs = len(self._held) + len(self._ended)
        told = "this worker was given up by the others; it drops %d jobs"
        _log.error(told, jobs, extra={"event": "worker.given_up", "jobs": jobs})
        self._held.clear()
        self._ended.clear()
        self._refusals.tried.clear()
        self._process_id = new_process_id()
        try:
            self.announce()
        except DatabaseError as error:
            self._wait_for_database(error)

    # -- running --------------------------------------------------------------------------------------------------

    def _run_next(self) -> None:
        if self._seat.mail != self._mail_read:
            self._hear()
        claim = self._held.popleft()
        now = self._clock.now()
        if claim.claim_no in self._dropped or (claim.expires_at is not None and claim.expires_at <= now):
            self._ended.append(given_back(claim, self._process_id, now))
            return
        is_tiny = self._appetite.is_tiny(claim.kind)
        ran = self._runner.run(claim, self._process_id, self._settings.memory_limit, tiny=is_tiny)
        if ran is None:
            self._leaving = self._leaving or self._seat.closed
            self._held.appendleft(claim)
            self._runner.put_in_order()
            self._exchange(release_all=True)
            return
        self._appetite.learn(claim.kind, ran.seconds)
        self._ran += 1
        if self._jobs_left is not None:
            self._jobs_left -= 1
        if ran.stopped or self._jobs_left == 0:
            self._leaving = True  # locks, half-done imports and connections of the handler are not to be trusted
        verdict, now = ran.verdict, self._clock.now()
        ended = self._settler.settle(claim, self._process_id, verdict, self._settings, now, ran.started_at, ran.used)
        self._ended.append(ended)
        self._refusals.tried[claim.claim_no] = claim
        tell_end(claim, ended, ran.seconds)

    # -- sleeping -------------------------------------------------------------------------------------------------

    def _sleep(self) -> None:
        """Publish that this worker is idle, claim once more, and only then sleep: so no ring is missed."""
        self._seat.enter(State.IDLE)
        if not self._exchange(idle=True) or self._held:
            return
        titles.worker(self._queue, self._number, "idle")
        self._sibling.forget()
        self._note_signals(_RELOADING if self._seat.farm_reloads else None if self._seat.may_claim else 1.0)

    def _note_signals(self, seconds: float | None) -> None:
        """Wait for a token, a signal or the end of the parent."""
        ready, signals = self._wakeup.wait(seconds)
        if signal.SIGTERM in signals or signal.SIGINT in signals or self._seat.told_to_leave:
            self._leaving = True
        if ready:
            self._hear()

    def _hear(self) -> None:
        """Take what the parent says: that there is a job, or that one is not to be started."""
        datagrams, there = self._lifeline.receive()
        if not there:
            os._exit(1)  # the parent is gone: the coordinator settles what this worker held
        for datagram in datagrams:
            message = decoded(datagram)
            if isinstance(message, Drop):
                self._dropped.add(message.claim_no)
                self._mail_read += 1
