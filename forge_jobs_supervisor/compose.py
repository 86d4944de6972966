"""The composition root: the one place that names concrete classes and puts processes together."""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_jobs.app import ForgeJobs
from forge_jobs.clock import monotonic
from forge_jobs.config import Location, worker_label, worker_version
from forge_jobs.errors import ForgeJobsError
from forge_jobs.handlers import Handler
from forge_jobs.ids import new_host_id
from forge_jobs.model.declared import Declared
from forge_jobs.settling import Settler
from forge_jobs.storage import close_idle, open_storage, prepare
from forge_jobs.storage.records import HostRecord
from forge_jobs_supervisor import application, reloading
from forge_jobs_supervisor.coordinator.coordinator import Coordinator
from forge_jobs_supervisor.coordinator.serving import Server
from forge_jobs_supervisor.messages import BootFailed, Farewell, Ready, Totals, encoded
from forge_jobs_supervisor.parent.handover import Estate
from forge_jobs_supervisor.parent.nursery import Birth
from forge_jobs_supervisor.parent.scaling import UNWORN, Wear
from forge_jobs_supervisor.parent.supervisor import Supervisor
from forge_jobs_supervisor.preflight import check_fork_safety, life_file
from forge_jobs_supervisor.reloading import Inheritance
from forge_jobs_supervisor.shipped.rules import Rules
from forge_jobs_supervisor.unix import processes, titles
from forge_jobs_supervisor.unix.alarm import wait_for_lock
from forge_jobs_supervisor.unix.board import Board
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.lifelock import LifeLock
from forge_jobs_supervisor.unix.stacks import StackWriter
from forge_jobs_supervisor.unix.usage import prefer_as_victim
from forge_jobs_supervisor.unix.wakeup import Wakeup
from forge_jobs_supervisor.worker.runner import Runner
from forge_jobs_supervisor.worker.seat import Seat
from forge_jobs_supervisor.worker.stopping import Stopper
from forge_jobs_supervisor.worker.worker import Worker

_log = logging.getLogger(__name__)
WORKER_DEADLINE = 4.0
"""Seconds a worker's call may take: less than after what the parent takes it for stuck."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What ``forge-jobs supervise`` was asked for, resolved."""

    app_name: str
    app: ForgeJobs | None  # None: each worker imports it after its fork
    location: Location
    targets: dict[str, int]
    kinds: Sequence[str]
    declared: Declared = field(default_factory=Declared)
    commands: Rules | None = None  # None: no programs are run
    shipped: Mapping[str, Handler[..., Any]] = field(default_factory=dict)  # the handlers that come with the farm
    drain: bool = False
    grace: float = 30.0
    niceness: int = 10
    wear: Wear = UNWORN
    max_jobs: int | None = None
    observe: Callable[[Totals], None] | None = None
    serve_on: tuple[str, int] | None = None  # address and port of the metrics
    started: float = field(default_factory=monotonic)
    cpu_before: float = field(default_factory=processes.own_cpu_seconds)


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a farm ended. ``hopeless`` is why it never came up, if it did not."""

    farewell: Farewell | None
    hopeless: str | None
    wall_seconds: float
    cpu_seconds: float


class Farm:
    """The crew of one host: what each child does, from its first line to its exit code."""

    def __init__(self, plan: Plan, inheritance: Inheritance | None = None) -> None:
        self._plan = plan
        self._estate = inheritance.estate if inheritance else None
        self._life_lock = _life_lock(plan.location, inheritance)
        url = plan.location.url
        prepare(url)
        # Made here, where they open nothing, and shared by all who are forked: each opens a connection of its own.
        self._stores = open_storage(url, wait=wait_for_lock, deadline=WORKER_DEADLINE)
        self._handlers_stores = open_storage(url)  # their waiting leaves a handler's signals alone
        hostname = socket.gethostname()
        self._host = HostRecord(
            host_id=inheritance.host_id if inheritance else new_host_id(),
            hostname=hostname,
            pid=os.getpid(),
            label=worker_label(hostname),
            version=worker_version(),
            queues=list(plan.targets),
            kinds=sorted(plan.kinds),
            life_lock=self._life_lock.byte if self._life_lock else 0,
        )

    def run(self) -> Report:
        """Be the supervisor until the farm has been stopped."""
        titles.supervisor(",".join(self._plan.targets))
        supervisor = Supervisor(
            crew=self,
            targets=self._plan.targets,
            grace=self._plan.grace,
            niceness=self._plan.niceness,
            wear=self._plan.wear,
            max_jobs=self._plan.max_jobs,
            observe=self._plan.observe or (lambda _totals: None),
            estate=self._estate,
            hangup_stops=processes.has_terminal(),
        )
        processes.freeze_memory()
        supervisor.run()
        return Report(
            farewell=supervisor.farewell,
            hopeless=supervisor.hopeless,
            wall_seconds=monotonic() - self._plan.started,
            cpu_seconds=processes.own_cpu_seconds() - self._plan.cpu_before,
        )

    def rehearse(self) -> int:
        """Start the new code in a process of its own, up to where it would bear children; return its pid."""
        return reloading.rehearse(self._plan.location)

    def reload(self, estate: Estate) -> None:
        """Become the new code. Returns only by raising OSError."""
        reloading.hand_over(
            Inheritance(
                estate=estate,
                host_id=self._host.host_id,
                life_lock=(self._life_lock.fd, self._life_lock.byte) if self._life_lock else None,
                started=self._plan.started,
                cpu_before=self._plan.cpu_before,
            )
        )

    def check_before_fork(self) -> None:
        """Raise UsageError where a thread runs in this process or it has the database open."""
        check_fork_safety(self._plan.app_name, self._plan.location)

    def leave_parent(self) -> None:
        """In every child: close what belongs to the parent."""
        if self._life_lock:
            self._life_lock.abandon()

    def coordinate(self, board: Board, queues: Sequence[str], lifeline: Lifeline, *, first: bool) -> int:
        """Be the coordinator. It ignores the signals that stop the others: the parent says when to leave."""
        titles.coordinator()
        stops = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
        wakeup = Wakeup(stops)
        processes.unblock_signals()
        stores = self._stores
        coordinator = Coordinator(
            host=self._host,
            stores=stores,
            board=board,
            queues=queues,
            lifeline=lifeline,
            wakeup=wakeup,
            settler=self._settler(),
            clock=stores.clock,
            drain=self._plan.drain,
            totals=self._plan.observe is not None,
            declared=self._plan.declared,
            first=first,
            server=self._server(),
        )
        return _booted(lifeline, coordinator.boot) or _finished(coordinator.run)

    def _server(self) -> Server | None:
        """Return what serves the metrics, on a connection of its own: it lives in threads of its own."""
        if self._plan.serve_on is None:
            return None
        return Server(self._host, open_storage(self._plan.location.url, deadline=WORKER_DEADLINE), self._plan.serve_on)

    def work(self, birth: Birth, board: Board, lifeline: Lifeline) -> int:
        """Be a worker."""
        titles.worker(birth.queue, birth.number, "booting")
        prefer_as_victim()
        lifeline.lift()
        seat = Seat(board, board.slot(birth.slot))
        stopper = Stopper(seat)
        stack = StackWriter()
        wakeup = Wakeup((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), {signal.SIGUSR1: stopper.on_signal}, stack)

        def leave_role() -> None:
            wakeup.abandon()
            lifeline.close()

        processes.forget_role_in_forks(leave_role)
        processes.unblock_signals()
        made: list[tuple[ForgeJobs, Worker]] = []

        def boot() -> None:
            app = self._plan.app or application.load(self._plan.app_name)
            worker = self._worker(app, birth, seat, stopper, lifeline, wakeup)
            worker.announce()
            seat.takes_stack(stack.fd)
            made.append((app, worker))

        def life() -> None:
            app, worker = made[0]
            worker.run()
            app.hooks.stop()

        return _booted(lifeline, boot) or _finished(life)

    def _worker(
        self, app: ForgeJobs, birth: Birth, seat: Seat, stopper: Stopper, lifeline: Lifeline, wakeup: Wakeup
    ) -> Worker:
        app.use(self._handlers_stores, self._plan.location)
        app.hooks.start()
        stores = self._stores
        handlers = {**app.handlers, **self._plan.shipped}
        heard = app.listeners.hearing_success(handlers)
        runner = Runner(
            queue=birth.queue,
            number=birth.number,
            handlers=handlers,
            hooks=app.hooks,
            heard=heard,
            enqueue=app.enqueue,
            seat=seat,
            stopper=stopper,
            lifeline=lifeline,
            wakeup=wakeup,
            stores=app.storage,
            clock=stores.clock,
        )
        return Worker(
            host_id=self._host.host_id,
            queue=birth.queue,
            number=birth.number,
            process_id=birth.process_id,
            kinds=list(handlers),
            stores=stores,
            seat=seat,
            lifeline=lifeline,
            wakeup=wakeup,
            settler=self._settler(heard),
            clock=stores.clock,
            runner=runner,
            max_jobs=birth.max_jobs,
            # a program of a millisecond says nothing of the next, which may take an hour
            unlike=list(self._plan.shipped),
        )

    def _settler(self, heard: frozenset[str] = frozenset()) -> Settler:
        return Settler(self._host.label, os.getpid(), lambda: random.uniform(-1.0, 1.0), heard)  # noqa: S311 - jitter


def _life_lock(location: Location, inheritance: Inheritance | None) -> LifeLock | None:
    """Return the lock by which others know that this host lives, where the database is a file."""
    if inheritance is not None:
        return LifeLock(*inheritance.life_lock) if inheritance.life_lock else None
    file = life_file(location)
    return LifeLock.take(file) if file else None


def _booted(lifeline: Lifeline, boot: Callable[[], None]) -> int:
    """Boot and tell the parent how that went; return 0, or the exit code of a boot that failed."""
    try:
        boot()
    except ForgeJobsError as error:
        lifeline.send(encoded(BootFailed.of(error)))
        return processes.BOOT_FAILED
    lifeline.send(encoded(Ready()))
    return 0


def _finished(run: Callable[[], None]) -> int:
    """Run to the end and leave the database as one should: the last one out moves the log into the file."""
    run()
    close_idle()
    return 0
