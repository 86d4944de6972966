"""ForgeJobs: the front door. Declares handlers, enqueues jobs, looks after them."""

from __future__ import annotations

import builtins
import functools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import UUID

import msgspec

from forge_jobs.client import Client, Job, Page
from forge_jobs.config import Location, QueuePaths, locate
from forge_jobs.declarations import Declarations
from forge_jobs.errors import InvalidValue
from forge_jobs.handlers import DEFAULT_GRACE, DEFAULT_MAX_THROTTLES, Handler, LimitOptions, P, R, Registry, name_of
from forge_jobs.intake import Intake
from forge_jobs.limiter import RateLimiter, RateLimits
from forge_jobs.model.job import DEFAULT_MAX_ATTEMPTS
from forge_jobs.model.limits import rate_limit
from forge_jobs.model.names import checked_queue, is_int
from forge_jobs.model.queue import DEFAULT_QUEUE, QueueCounts, QueueSettings, checked_changes
from forge_jobs.model.states import Status
from forge_jobs.operating import Age, Operating, job_filter
from forge_jobs.showing import quoted
from forge_jobs.storage import open_storage

if TYPE_CHECKING:
    from forge_jobs.crontab import Crontab
    from forge_jobs.measuring import StatsReader
    from forge_jobs.model.declared import Declared
    from forge_jobs.storage.ports import Storage

T = TypeVar("T")
MAX_PAGE = 10_000


class ForgeJobs(Declarations, Operating):
    """An application's jobs: its handlers and its database.

    ``database`` is a URL (``sqlite:///relative.sqlite``, ``sqlite:////absolute.sqlite``) or a path; without it
    ``FORGE_DATABASE_URL``, then ``queue_database.toml``, then ``jobs/data/queue.sqlite`` of the project decide.
    ``config`` is the path of a configuration file, or a ``QueuePaths`` for a layout of your own. Nothing is opened
    before it is needed, so making one has no cost and no effect.
    """

    def __init__(self, database: str | None = None, config: str | os.PathLike[str] | QueuePaths | None = None) -> None:
        self._database = database
        self._config = config
        self._location: Location | None = None
        self._storage: Storage | None = None
        self.handlers = Registry()
        self._intake = Intake(self.handlers)
        self.client = Client(lambda: self.storage, self._intake.encoded)
        self.rate_limits = RateLimits()
        self.limiter = RateLimiter(lambda: self.storage.limits)
        super().__init__(self.handlers, self.client)

    @property
    def location(self) -> Location:
        """The database's URL and what decided it; raises ConfigError."""
        if self._location is None:
            self._location = locate(self._database, self._config)
        return self._location

    @property
    def names_database(self) -> bool:
        """Whether the database was given to the constructor."""
        return self._database is not None or self._config is not None

    @property
    def storage(self) -> Storage:
        """The storage behind this application, opened at first use."""
        if self._storage is None:
            self._storage = open_storage(self.location.url)
        return self._storage

    @functools.cached_property
    def cron(self) -> Crontab:
        """The schedules: call it to declare one, or use its methods."""
        from forge_jobs.crontab import Crontab  # here, as below: few programs need it, all would wait for it

        return Crontab(self.handlers, self.handler, self.client, lambda: self.storage)

    @functools.cached_property
    def stats(self) -> StatsReader:
        """What happened, in numbers: call it."""
        from forge_jobs.measuring import StatsReader

        return StatsReader(lambda: self.storage)

    def use(self, storage: Storage, location: Location) -> None:
        """Use this storage from now on: for a worker, which has one already, and for tests."""
        self._storage = storage
        self._location = location

    @overload
    def handler(self, kind: Callable[P, R]) -> Handler[P, R]: ...

    @overload
    def handler(
        self,
        kind: str | None = None,
        *,
        queue: str = DEFAULT_QUEUE,
        max_attempts: int = DEFAULT_MAX_ATTEMPTS,
        priority: int = 0,
        timeout: float | None = None,
        memory_limit: int | str | None = None,
        cancel_grace: float = DEFAULT_GRACE,
        max_running: int | None = None,
        max_running_per_key: int | None = None,
        concurrency_key: str | None = None,
        rate_limit: str | Sequence[str] | None = None,
        rate_cost: float = 1,
        max_throttles: int = DEFAULT_MAX_THROTTLES,
    ) -> Callable[[Callable[P, R]], Handler[P, R]]: ...

    def handler(
        self,
        kind: str | Callable[..., Any] | None = None,
        *,
        queue: str = DEFAULT_QUEUE,
        max_attempts: int = DEFAULT_MAX_ATTEMPTS,
        priority: int = 0,
        timeout: float | None = None,
        memory_limit: int | str | None = None,
        cancel_grace: float = DEFAULT_GRACE,
        **limits: Any,
    ) -> Any:
        """Declare a function as the handler of a kind of job (by default, of the function's name).

        A first parameter named ``ctx`` receives the JobContext; the others are the payload. Raises HandlerError for
        a signature that cannot be called by name, or a kind that another function has.

        ``timeout`` is the time limit of each attempt in seconds. ``memory_limit`` ("512MB", or bytes) is how much
        more memory than its idle worker a job may use. Past a limit JobTimeout or JobOutOfMemory is raised in the
        handler, and the attempt has failed. ``cancel_grace`` is how many seconds a handler has to stop, after a
        cancel or a limit, before its worker is killed.

        At most ``max_running`` jobs of the kind run at once, on all hosts together, and at most ``max_running_per_key``
        of those whose argument ``concurrency_key`` is the same; with 1 they run in order. Each start takes
        ``rate_cost`` tokens of ``rate_limit`` (one or several, declared with ``jobs.rate_limit``), and waits for them.
        A job that was throttled ``max_throttles`` times ends dead.
        """

        def declare(function: Callable[P, R]) -> Handler[P, R]:
            handler = Handler(
                function,
                self.client,
                kind=name_of(function) if kind is None or callable(kind) else kind,
                queue=queue,
                max_attempts=max_attempts,
                priority=priority,
                timeout=timeout,
                memory_limit=memory_limit,
                cancel_grace=cancel_grace,
                limits=LimitOptions(**limits),
            )
            self.handlers.add(handler)
            return handler

        return declare(kind) if callable(kind) else declare

    def rate_limit(
        self,
        scope: str,
        *,
        capacity: float,
        per_second: float | None = None,
        per_minute: float | None = None,
        per_hour: float | None = None,
        per_day: float | None = None,
    ) -> None:
        """Declare a rate limit: a bucket of ``capacity`` tokens that gets so many of them per second, minute or so.

        A supervisor that starts writes it into the database; what an operator changes there stays until the code
        declares something else. Handlers take tokens by ``@jobs.handler(rate_limit=...)`` or
        ``ctx.rate_limit.acquire``.
        """
        per = {"second": per_second, "minute": per_minute, "hour": per_hour, "day": per_day}
        self.rate_limits.add(rate_limit(scope, capacity, **per))

    def declared(self) -> Declared:
        """Return what the code declares that the database must know; a supervisor that starts writes it there."""
        from forge_jobs.model.declared import Declared

        heard = self.listeners.heard_of
        return Declared(
            rules=[msgspec.structs.replace(h.rules, events=heard(h.kind)) for h in self.handlers.values()],
            rate_limits=self.rate_limits.all(),
            schedules=self.cron.declared(),
        )

    def enqueue(self, kind: str, payload: Any = None, *, connection: object | None = None, **options: Any) -> Job:
        """Store one job by kind and payload (a mapping of arguments); the handler need not be imported here.

        Options: queue, priority, run_at, delay, unique_key, max_attempts, timeout, expires_at, concurrency_key. Where
        the handler is known, the payload is checked against it and its defaults apply. Raises PayloadError,
        InvalidValue, DatabaseError.

        With ``connection``, the job is part of the transaction that is open on it: it can be seen and run after that
        is committed, and is gone if it is rolled back. On PostgreSQL that is a psycopg connection to the same
        database, or SQLAlchemy's or Django's that has one within; on SQLite an apsw connection to the same file.
        """
        return self.client.enqueue(*self._intake.one(kind, payload, options), connection)

    def enqueue_bulk(self, jobs: Iterable[tuple[Any, ...]], *, connection: object | None = None) -> list[Job]:
        """Store many jobs in one transaction (that of ``connection``), or none; answers in the order given.

        Each is ``(kind, payload)`` or ``(kind, payload, options)``; ``job.deduplicated`` says which were there.
        """
        return self.client.enqueue_many(self._intake.many(jobs), connection)

    def get(self, job_id: str | UUID) -> Job:
        """Return a job; raise JobNotFound."""
        return self.client.get(job_id)

    def list(
        self,
        *,
        status: Status | str | None = None,
        queue: str | None = None,
        kind: str | None = None,
        error: str | None = None,
        older_than: Age | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> Page:
        """Return a page of jobs that match, newest first; ``before=page.next`` gives the one after it.

        ``error`` and ``older_than`` are as ``retry`` has them.
        """
        if not is_int(limit) or not 1 <= limit <= MAX_PAGE:
            raise InvalidValue(f"limit {quoted(limit)} is out of range: use 1 to {MAX_PAGE}")
        if before is not None and (not is_int(before) or not 0 < before < 2**63):
            raise InvalidValue(f"before {quoted(before)} is no cursor: use the attribute next of a page")
        wanted = job_filter(status=status, queue=queue, kind=kind, error=error, older_than=older_than)
        return self.client.list(wanted, limit, before)

    def queues(self) -> builtins.list[QueueSettings]:
        """Return every queue's settings."""
        return self.storage.queue_config.queues()

    def set_queue(self, name: str, **changes: Any) -> QueueSettings:
        """Change some of a queue's settings for all hosts, within a second; return them all.

        Settings are those of QueueSettings. Raises InvalidValue for a value out of range or an unknown queue.
        """
        settings = self.storage.queue_config.change_queue(checked_queue(name), checked_changes(changes))
        if settings is None:
            known = ", ".join(queue.name for queue in self.queues()) or "there is none yet"
            raise InvalidValue(f"there is no queue {quoted(name)}; known: {known}")
        return settings

    def pause_queue(self, name: str) -> None:
        """Let nobody claim a job of this queue until it is resumed; running jobs finish."""
        self.set_queue(name, paused=True)

    def resume_queue(self, name: str) -> None:
        """Let jobs of this queue be claimed again."""
        self.set_queue(name, paused=False)

    def counts(self) -> dict[str, QueueCounts]:
        """Return each queue's counts, without reading finished jobs."""
        return self.client.counts()

    def close(self) -> None:
        """Close the database; the next call opens it again."""
        if self._storage is not None:
            self._storage.close()
