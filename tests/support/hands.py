"""A worker process as the storage sees one: registered, numbering its claims, handing in what ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forge_jobs.clock import MICROSECONDS
from forge_jobs.ids import new_process_id
from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Cause, Status
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim, Ended, Exchanged, Want
from forge_jobs.storage.records import ProcessRecord


class Hand:
    """One worker. ``kinds`` are those it knows; by default every claim may take more than one job."""

    def __init__(
        self,
        storage: Storage,
        *,
        queue: str = "default",
        kinds: Sequence[str] = ("work",),
        host_id: str = "host-a",
        process_id: int | None = None,
    ) -> None:
        self.storage = storage
        self.queue = queue
        self.kinds = kinds
        self.process_id = new_process_id() if process_id is None else process_id
        self.last_claim_no = 0
        storage.registry.announce_worker(
            ProcessRecord(
                process_id=self.process_id,
                host_id=host_id,
                queue=queue,
                number=1,
                pid=777,
                started_at=storage.clock.now(),
            )
        )

    def want(self, **changes: Any) -> Want:
        """Return what this worker would take: one job, unless ``changes`` say otherwise."""
        costs = dict.fromkeys(self.kinds, 0.0)
        told = {"queue": self.queue, "kinds": self.kinds, "first_claim_no": self.last_claim_no + 1, "costs": costs}
        return Want(**(told | changes))

    def exchange(self, *ended: Ended, **want: Any) -> Exchanged:
        """Hand in and claim in one go; the worker must still be registered."""
        exchanged = self.storage.worker_queue.exchange(self.process_id, ended, self.want(**want))
        assert exchanged is not None, "the worker is not registered any more"
        if exchanged.claims:
            self.last_claim_no = exchanged.claims[-1].claim_no
        return exchanged

    def claim(self, rows: int = 1, **want: Any) -> list[Claim]:
        """Claim up to ``rows`` jobs."""
        return list(self.exchange(rows=rows, **want).claims)

    def take(self, **want: Any) -> Claim:
        """Claim one job, which must be there."""
        claims = self.claim(**want)
        assert claims, "there was nothing to claim"
        return claims[0]

    def hand_in(self, *ended: Ended) -> list[int]:
        """Hand in and claim nothing; return the claim numbers that were refused."""
        exchanged = self.storage.worker_queue.exchange(self.process_id, ended, None)
        assert exchanged is not None, "the worker is not registered any more"
        return list(exchanged.refused)

    def finish(self, *, result: bytes = b"null") -> str:
        """Claim a job, end it well and return its id."""
        claim = self.take()
        assert self.hand_in(self.done(claim, result=result)) == []
        return claim.id

    def fail(self, *, wait: float = 0.0, message: str = "no luck") -> str:
        """Claim a job, fail its attempt and return its id; it is tried again ``wait`` seconds later."""
        claim = self.take()
        assert self.hand_in(self.failed(claim, wait=wait, message=message)) == []
        return claim.id

    def bury_one(self, *, message: str = "hopeless") -> str:
        """Claim a job, end it dead and return its id."""
        claim = self.take()
        assert self.hand_in(self.dead(claim, message=message)) == []
        return claim.id

    def done(self, claim: Claim, *, result: bytes = b"null") -> Ended:
        """Return the end of a job that went well."""
        return self.ended(claim, Status.DONE, result=result)

    def failed(self, claim: Claim, *, wait: float = 0.0, message: str = "no luck", **more: Any) -> Ended:
        """Return the end of an attempt that failed and is repeated ``wait`` seconds later."""
        due = self.storage.clock.now() + round(wait * MICROSECONDS)
        return self.ended(claim, Status.FAILED, error=self.error(claim, message), scheduled_at=due, **more)

    def dead(self, claim: Claim, *, message: str = "hopeless", **more: Any) -> Ended:
        """Return the end of a job that is not tried again."""
        return self.ended(claim, Status.DEAD, error=self.error(claim, message), **more)

    def back(self, claim: Claim, *, wait: float = 0.0, **more: Any) -> Ended:
        """Return a claim that is given back, its attempt too."""
        due = self.storage.clock.now() + round(wait * MICROSECONDS)
        return self.ended(claim, Status.PENDING, attempt_back=True, scheduled_at=due, **more)

    def error(self, claim: Claim, message: str, cause: Cause = Cause.ERROR) -> ErrorEntry:
        """Return a line for the error history."""
        return ErrorEntry(at=self.storage.clock.now(), attempt=claim.attempt, cause=cause, message=message)

    def ended(self, claim: Claim, status: Status, **more: Any) -> Ended:
        """Return an end of any sort."""
        now = self.storage.clock.now()
        return Ended(
            key=claim.key,
            id=claim.id,
            queue=claim.queue,
            process_id=self.process_id,
            claim_no=claim.claim_no,
            limited=claim.limit_key is not None,
            status=status,
            started_at=now,
            finished_at=now,
            **more,
        )
