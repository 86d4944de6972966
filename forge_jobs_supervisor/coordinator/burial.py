"""Settling what a dead process held: the way back for every claim that nobody will hand in any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from forge_jobs.clock import Clock
from forge_jobs.model.outcome import Verdict
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Cause
from forge_jobs.model.stops import StopReason, mebibytes, stop_verdict
from forge_jobs.settling import UNKNOWN, Settler, Used
from forge_jobs.storage.claims import Claim, Ended, given_back
from forge_jobs_supervisor.coordinator.stores import Stores
from forge_jobs_supervisor.messages import Died
from forge_jobs_supervisor.telling import tell_end
from forge_jobs_supervisor.unix.processes import LOST_DESCRIPTORS


class Undertaker:
    """Buries processes."""

    def __init__(self, host_id: str, stores: Stores, settler: Settler, clock: Clock) -> None:
        self._host_id = host_id
        self._stores = stores
        self._settler = settler
        self._clock = clock

    def bury(self, died: Died) -> list[Ended]:
        """Settle a worker of this host by its obituary; return what was settled."""
        claims = self._stores.registry.claims_of([died.process_id])[died.process_id]
        used = (
            Used(died.wall_time, died.cpu_time, died.peak_memory)
            if died.running and not died.with_supervisor
            else UNKNOWN
        )
        of_running = {died.started_no: used}
        return self._settle(died.process_id, claims, [_verdict(claim, died) for claim in claims], of_running)

    def bury_unseen(self, process_ids: Sequence[int]) -> list[Ended]:
        """Settle processes of which no more is known than that they are gone.

        Which of its claims such a process had started is not known, so each counts an attempt: what may have run does
        not run again without a trace.
        """
        lost = Verdict(cause=Cause.LOST, message="the process that had claimed it is gone, and its host with it")
        settled: list[Ended] = []
        for process_id, claims in self._stores.registry.claims_of(process_ids).items():
            settled += self._settle(process_id, claims, [lost] * len(claims))
        return settled

    def _settle(
        self,
        process_id: int,
        claims: Sequence[Claim],
        verdicts: Sequence[Verdict | None],
        used: Mapping[int, Used] = MappingProxyType({}),
    ) -> list[Ended]:
        """Hand in one end for each claim, and take the process off the registry; no verdict: the job goes back free.

        ``used`` is what attempts used, by claim number.
        """
        now = self._clock.now()
        settings = {s.name: s for s in self._stores.queue_config.queues()} if claims else {}
        ended = []
        for claim, verdict in zip(claims, verdicts, strict=True):
            if verdict is None:
                ended.append(given_back(claim, process_id, now))
            else:
                of_queue = settings.get(claim.queue, QueueSettings(name=claim.queue))
                of_claim = used.get(claim.claim_no, UNKNOWN)
                ended.append(
                    self._settler.settle(claim, process_id, verdict, of_queue, now, claim.claimed_at, of_claim)
                )
        self._stores.registry.bury(process_id, ended, self._host_id)
        for claim, end in zip(claims, ended, strict=True):
            tell_end(claim, end)
        return ended


def _verdict(claim: Claim, died: Died) -> Verdict | None:
    """Return how an attempt ended by its worker's obituary; None: it never started, or was cut short by us."""
    if claim.claim_no == died.stopped_claim:
        told = f"{died.stopped_for}; it did not stop in time and was killed"
        return stop_verdict(StopReason(died.stop_reason), told, exit_signal=died.signal, pid=died.pid)
    if claim.claim_no > died.started_no:
        return None
    if claim.claim_no < died.started_no or not died.running:
        # Whoever killed the worker: the job may have done all it does, and must not do so again without a trace.
        cause, told = Cause.LOST, "the job had ended, but the worker died before that was recorded"
    elif died.killed_by_us:
        return None
    elif died.with_supervisor:
        return Verdict(cause=Cause.LOST, message="the supervisor died, and its workers with it", pid=died.pid)
    else:
        cause = Cause.OUT_OF_MEMORY if died.out_of_memory else Cause.CRASHED
        told = "the worker died while it ran this job"
    return Verdict(
        cause=cause,
        message=f"{told}: {_ending(died)}",
        exit_signal=died.signal,
        exit_code=died.exit_code,
        pid=died.pid,
    )


def _ending(died: Died) -> str:
    if died.out_of_memory:
        return f"killed by the kernel, which had no memory left; its peak was {mebibytes(died.peak_memory)}"
    if died.exit_code == LOST_DESCRIPTORS:
        return "its handler had closed the worker's file descriptors"
    return f"killed by {died.signal}" if died.signal else f"exit code {died.exit_code}"
