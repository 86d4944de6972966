"""Ends that are not recorded: the database does not take what they carry, or the job is another's by now."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from forge_jobs.clock import Clock
from forge_jobs.errors import ValueRefused
from forge_jobs.execution import storable
from forge_jobs.model.outcome import Verdict
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Cause, Status
from forge_jobs.settling import Settler, Used
from forge_jobs.storage.claims import Claim, Ended
from forge_jobs.storage.ports import WorkerQueue

_log = logging.getLogger(__name__)


class Refusals:
    """Hands in alone what the database has refused together. ``tried`` are the claims whose handlers were called."""

    def __init__(self, worker_queue: WorkerQueue, settler: Settler, clock: Clock) -> None:
        self._worker_queue = worker_queue
        self._settler = settler
        self._clock = clock
        self.tried: dict[int, Claim] = {}

    def hand_in(self, end: Ended, settings: QueueSettings) -> Sequence[int] | None:
        """Hand one end in, or if that is refused that the attempt has failed.

        Returns its claim number if it came too late, None if the process is not registered any more.
        """
        try:
            exchanged = self._worker_queue.exchange(end.process_id, [end], None)
        except ValueRefused as refusal:
            try:
                exchanged = self._worker_queue.exchange(end.process_id, [self._failed(end, refusal, settings)], None)
            except ValueRefused:
                told = "the end of job %s cannot be recorded (%s): it is left to the coordinator"
                _log.error(told, end.id, refusal, extra={"event": "job.refused", "job": end.id})
                return ()
        return None if exchanged is None else exchanged.refused

    def _failed(self, end: Ended, refusal: ValueRefused, settings: QueueSettings) -> Ended:
        """Return that an attempt has failed which would have ended so, had the database taken what it left."""
        claim = self.tried.get(end.claim_no)
        if claim is None:
            return end
        _log.error("job %s: %s", end.id, refusal, extra={"event": "job.refused", "job": end.id})
        told = f"what the attempt was to leave cannot be stored: {refusal}"
        verdict = Verdict(cause=Cause.ERROR, message=storable(told), final=end.status is Status.DEAD)
        used = Used(end.finished_at - (end.started_at or end.finished_at), end.cpu_time, end.peak_memory)
        now = self._clock.now()
        return self._settler.settle(claim, end.process_id, verdict, settings, now, end.started_at, used)


def tell_late(ended: Sequence[Ended], refused: Sequence[int]) -> None:
    """Tell of attempts that were made and whose ends came too late."""
    late = [end for end in ended if end.claim_no in set(refused) and end.status is not Status.PENDING]
    if late:
        told = "%d results were not recorded: their jobs had ended already, or were given to others"
        _log.warning(told, len(late), extra={"event": "worker.refused", "jobs": len(late)})
