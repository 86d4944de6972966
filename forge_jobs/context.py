"""JobContext: what a handler learns about the job it runs, and what it may do meanwhile."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from forge_jobs.client import Job
from forge_jobs.clock import Clock
from forge_jobs.errors import InvalidValue
from forge_jobs.limiter import RateLimiter
from forge_jobs.model.names import checked_delay
from forge_jobs.model.stops import StopReason
from forge_jobs.payload import encode_result
from forge_jobs.storage.claims import Claim, done

if TYPE_CHECKING:
    from forge_jobs.storage.limit_ports import Limits
    from forge_jobs.storage.ports import WorkerQueue

JOB_LOGGER = "forge_jobs.job"


class Stops(Protocol):
    """Whether the running job is to stop, and for how long that may be put off."""

    def requested(self) -> StopReason | None:
        """Return why the job is to stop, None while it is not."""

    def check(self) -> None:
        """Raise JobCancelled, JobTimeout, JobOutOfMemory or JobInterrupted if the job is to stop."""

    def shield(self, seconds: float) -> AbstractContextManager[None]:
        """Put off what would be raised until the end of the block."""


class NeverStopped:
    """For handlers that are called without a farm."""

    def requested(self) -> None:
        """Nobody asks."""

    def check(self) -> None:
        """Raise nothing."""

    def shield(self, _seconds: float) -> AbstractContextManager[None]:
        """There is nothing to be put off."""
        return nullcontext()


class Handlers(Protocol):
    """What a running handler needs of a storage."""

    @property
    def worker_queue(self) -> WorkerQueue: ...
    @property
    def limits(self) -> Limits: ...


class Transaction:
    """A transaction of a handler that ends its job too. ``result`` is what ``job.result()`` will return.

    ``connection`` is psycopg's, or apsw's where the jobs are in a SQLite file.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.result: Any = None


Completing = Callable[[Callable[[], bytes]], AbstractContextManager[Any]]
"""Gives a connection in a transaction that records, as it is committed, that the job is done with this result."""


class JobContext:
    """What a handler learns about the job it runs, and what it may do meanwhile."""

    def __init__(
        self,
        *,
        job_id: str,
        kind: str,
        queue: str,
        attempt: int,
        max_attempts: int,
        enqueue: Callable[..., Job],
        report: Callable[[int, int | None, str | None], None],
        completing: Completing,
        rate_limit: RateLimiter,
        stops: Stops | None = None,
        trace: str | None = None,
    ) -> None:
        self._stops = stops or NeverStopped()
        self.id = job_id
        self.kind = kind
        self.queue = queue
        self.attempt = attempt
        self.max_attempts = max_attempts
        self.trace = trace
        self._enqueue = enqueue
        self._report = report
        self._completing = completing
        self.rate_limit = rate_limit
        self._completed: bytes | None = None

    @classmethod
    def of(
        cls,
        claim: Claim,
        process_id: int,
        *,
        clock: Clock,
        storage: Handlers,
        enqueue: Callable[..., Job],
        report: Callable[[int, int | None, str | None], None],
        stops: Stops | None = None,
        heard: bool = False,
    ) -> JobContext:
        """Return the context of a claim that is about to be run; ``storage`` gives its transactions and tokens.

        ``heard``: somebody listens for its success.
        """
        started_at = clock.now()

        def completing(result: Callable[[], bytes]) -> AbstractContextManager[Any]:
            return storage.worker_queue.completing(
                lambda: done(claim, process_id, result(), started_at, clock.now(), heard=heard)
            )

        return cls(
            job_id=claim.id,
            kind=claim.kind,
            queue=claim.queue,
            attempt=claim.attempt,
            max_attempts=claim.max_attempts,
            enqueue=enqueue,
            report=report,
            completing=completing,
            rate_limit=RateLimiter(lambda: storage.limits),
            stops=stops,
            trace=claim.trace,
        )

    @functools.cached_property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records carry the job's id, kind, queue and attempt."""
        return _JobLogger(
            logging.getLogger(JOB_LOGGER),
            {"job_id": self.id, "kind": self.kind, "queue": self.queue, "attempt": self.attempt},
        )

    def progress(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Say how far the job is; shown by ``forge-jobs workers``. Costs a microsecond and writes to no database."""
        self._report(int(done), None if total is None else int(total), note)

    @property
    def cancelled(self) -> bool:
        """Whether the job is to stop: cancelled, past its time or memory limit, or the farm has no more time for it.

        A handler need not look: it is interrupted by an exception. This is for code in a ``shield``, in other threads,
        or that wants to stop at a place of its own choice.
        """
        return self._stops.requested() is not None

    def check(self) -> None:
        """Raise JobCancelled, JobTimeout, JobOutOfMemory or JobInterrupted if the job is to stop."""
        self._stops.check()

    def shield(self, max: float = 0.0) -> AbstractContextManager[None]:  # noqa: A002 - reads as it is meant
        """Return a block that is not interrupted: what would be raised in it is raised at its end.

        The grace after which the worker is killed runs on meanwhile. ``max`` (seconds, from the start of the block)
        asks for more: until then it is not killed.
        """
        return self._stops.shield(checked_delay(max, "max"))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Return a block in whose transaction the job ends: what the block writes and that are committed together.

        After it the job is done, whatever the handler does next, and stays done if the process dies. Statements are
        run on ``connection`` of what the block is given; other jobs join with ``connection=``. Where the block raises,
        nothing was written. Raises ClaimLost where the job has ended, or was given to another worker, meanwhile;
        DatabaseError where the database cannot be had. On SQLite nobody else can write meanwhile: keep it short.
        """
        if self._completed is not None:
            raise InvalidValue("this job is done already: it ended with its first transaction")
        result = b""

        def encoded() -> bytes:
            nonlocal result
            result = encode_result(transaction.result, self.kind)
            return result

        with self._completing(encoded) as connection:
            transaction = Transaction(connection)
            yield transaction
        self._completed = result

    @property
    def completed(self) -> bytes | None:
        """The result with which the job was committed as done in a ``transaction``, None while it is not."""
        return self._completed

    def enqueue(self, kind: str, payload: Any = None, **options: Any) -> Job:
        """Store another job, as ``ForgeJobs.enqueue`` does."""
        return self._enqueue(kind, payload, **options)


class _JobLogger(logging.LoggerAdapter[logging.Logger]):
    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs
