"""A database with rows in every table, a hand that writes into them what no program would, and who has to live with it.

The hand comes from outside of this package: it goes by the driver, and learns of tables and columns from the database.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import apsw
import psycopg
from psycopg import sql

from forge_jobs import ForgeJobs
from forge_jobs.clock import SystemClock, monotonic_us
from forge_jobs.config import Location
from forge_jobs.ids import new_process_id
from forge_jobs.model.limits import KindRules, RateLimit
from forge_jobs.model.metrics import Gauges
from forge_jobs.schedules import fire_due
from forge_jobs.settling import Settler
from forge_jobs.storage import Storage, close_idle, open_storage
from forge_jobs.storage.records import ProcessRecord, WorkerView
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.burial import Undertaker
from forge_jobs_supervisor.coordinator.rescue import Rescuer
from forge_jobs_supervisor.coordinator.timetable import Timetable
from forge_jobs_supervisor.unix.board import Head
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.wakeup import Wakeup
from forge_jobs_supervisor.worker.runner import Runner
from forge_jobs_supervisor.worker.seat import Seat
from forge_jobs_supervisor.worker.stopping import Stopper
from forge_jobs_supervisor.worker.worker import Worker
from tests.support.backends import Backend, PostgresBackend, SqliteBackend
from tests.support.builders import ALL, a_board, a_host, a_job, a_queue, enqueue
from tests.support.hands import Hand
from tests.support.schedules import add

ESCAPE = "\x1b]0;owned\x07[red]\u202e"
"""Text that commands a terminal, or looks like markup."""

DEEP = "[" * 5000 + "]" * 5000
HOST = "here"
GOOD = 3


class Column(NamedTuple):
    """A column of a table, with what may be put into it."""

    table: str
    name: str
    poisons: Sequence[Any]


class SqliteHand:
    """Writes whatever SQLite stores: every type in every column."""

    POISONS = (None, "", ESCAPE, "x" * 3000, "{", DEEP, b"\xff\xfe", 0, -1, 2**63 - 1, -(2**63), 0.5, 1e300)

    def __init__(self, backend: SqliteBackend, directory: Path) -> None:
        self._path, self._copy = str(backend.path), directory / "copy"

    def remember(self) -> None:
        """Keep the database as it is now."""
        shutil.copy(self._path, self._copy)

    def restore(self) -> None:
        """Make it what it was."""
        close_idle()
        for beside in ("-wal", "-shm"):
            Path(self._path + beside).unlink(missing_ok=True)
        shutil.copy(self._copy, self._path)

    def columns(self) -> list[Column]:
        with closing(apsw.Connection(self._path)) as connection:
            names = "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'"
            return [
                Column(table, name, [*self.POISONS, _Undecodable()])
                for table, name in connection.execute(names)
                if not table.startswith(("sqlite_", "schema_"))
            ]

    def write(self, column: Column, value: Any, row: int | None = None) -> int:
        """Put a value into the column, past every CHECK, of every row that takes it, or of one; return how many did."""
        table, which = f'"{column.table}"', ""
        with closing(apsw.Connection(self._path)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            place = "CAST(X'ff41' AS TEXT)" if isinstance(value, _Undecodable) else "?"
            values = () if isinstance(value, _Undecodable) else (value,)
            if row is not None:
                names = f"SELECT name FROM pragma_table_info('{column.table}') WHERE pk > 0 ORDER BY pk"
                key = ", ".join(f'"{name}"' for (name,) in connection.execute(names))
                ((rows,),) = connection.execute(f"SELECT count(*) FROM {table}")
                which = f" WHERE ({key}) = (SELECT {key} FROM {table} LIMIT 1 OFFSET {row % max(rows, 1)})"
            before = connection.total_changes()
            with contextlib.suppress(apsw.MismatchError):  # a key that must be a number
                connection.execute(f'UPDATE OR IGNORE {table} SET "{column.name}" = {place}{which}', values)
            return connection.total_changes() - before


class _Undecodable:
    """Text that is not UTF-8."""

    def __repr__(self) -> str:
        return "undecodable text"


class PostgresHand:
    """Writes whatever the column's type and its checks let pass."""

    POISONS: ClassVar = {
        "text": ["", ESCAPE, "x" * 3000, "{"],
        "json": ["null", "[]", "1", '"x"', '{"a": 1e999}', '{"a": "\\u0000"}', DEEP],
        "smallint": [-32768, -1, 9, 32767],
        "integer": [-(2**31), -1, 0, 2**31 - 1],
        "bigint": [-(2**63), -1, 0, 2**63 - 1],
        "double precision": ["NaN", "Infinity", "-Infinity", -1.0, 0.0, 1e300],
        "timestamp with time zone": ["infinity", "-infinity", "4000-01-01 BC", "294276-12-31", "1969-12-31"],
        "boolean": [True, False],
        "uuid": ["00000000-0000-0000-0000-000000000000"],
    }

    def __init__(self, backend: PostgresBackend) -> None:
        self._schema = backend._schema
        self._connection = backend.connection()
        self._tables: list[str] = []

    def remember(self) -> None:
        """Keep the database as it is now."""
        tables = {column.table for column in self.columns()} | {"admission"}
        for table in sorted(tables):
            self._connection.execute(self._about("CREATE TEMPORARY TABLE {} AS TABLE {}", f"kept_{table}", table))
            self._tables.append(table)

    def restore(self) -> None:
        """Make it what it was."""
        close_idle()
        with self._connection.transaction():
            for table in self._tables:
                self._connection.execute(self._about("DELETE FROM {1}", "", table))
                self._connection.execute(
                    self._about("INSERT INTO {1} OVERRIDING SYSTEM VALUE TABLE {0}", f"kept_{table}", table)
                )

    def _about(self, statement: str, kept: str, table: str) -> sql.Composed:
        return sql.SQL(statement).format(sql.Identifier(kept or table), sql.Identifier(self._schema, table))

    def columns(self) -> list[Column]:
        names = """SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = %s
                   AND is_identity = 'NO' ORDER BY 1, 2"""
        found = self._connection.execute(names, (self._schema,)).fetchall()
        return [Column(table, name, [None, *self.POISONS[kind]]) for table, name, kind in found]

    def write(self, column: Column, value: Any, row: int | None = None) -> int:
        """Put a value into the column of every row that takes it, row by row, or of one; return how many did."""
        table = sql.Identifier(self._schema, column.table)
        update = sql.SQL("UPDATE {} SET {} = %s WHERE ctid = %s").format(table, sql.Identifier(column.name))
        rows = self._connection.execute(sql.SQL("SELECT ctid::text FROM {}").format(table)).fetchall()
        written = 0
        for (place,) in rows if row is None else rows[row % max(len(rows), 1) :][:1]:
            try:
                written += self._connection.execute(update, (value, place)).rowcount
            except psycopg.Error:
                continue
        return written


class Place:
    """A furnished database, the hand that writes into it, and the way back to what it was."""

    def __init__(self, backend: Any, directory: Path) -> None:
        self.backend = backend
        self.life = backend.give_life()
        with closing(backend.open(SystemClock())) as storage:
            furnish(storage, self.life)
        self.hand = SqliteHand(backend, directory) if isinstance(backend, SqliteBackend) else PostgresHand(backend)
        self.hand.remember()
        self.restore = self.hand.restore

    def crew(self, opened: ExitStack) -> Crew:
        """Return who has to live with it, on a storage that is closed at the end."""
        return Crew(self.backend, opened.enter_context(closing(open_storage(self.backend.url))), opened)


def ids_of(place: Place) -> list[str]:
    """Return the ids of all jobs."""
    with closing(open_storage(place.backend.url)) as storage:
        return [job.id for job in storage.operator.find(ALL, 100, None)[0]]


def furnish(storage: Storage, life: int) -> None:
    """Put a row, or several, into every table: jobs in every state among them."""
    registry = storage.registry
    registry.announce_host(a_host("gone", kinds=("work", "limited", "tight")))
    registry.announce_host(a_host(HOST, life_lock=life, kinds=("work", "limited", "tight")))
    a_queue(storage)
    storage.limits.declare(
        [
            KindRules(kind="limited", max_running=1, rate_limits=("slack",)),
            KindRules(kind="tight", max_running_per_key=1, concurrency_key="of"),
        ],
        [RateLimit(scope="slack", capacity=5, refill=1)],
    )
    dead, hand = Hand(storage, host_id="gone"), Hand(storage, host_id=HOST)
    large = b'{"large": "%s"}' % (b"x" * 2000)
    for _ in range(4):
        enqueue(storage, payload=large)
    dead.claim(rows=2)
    hand.finish(result=large)
    hand.bury_one()
    enqueue(storage)
    hand.fail(wait=0)
    enqueue(storage)
    hand.fail(wait=0.001)
    enqueue(storage)
    hand.fail(wait=3600)
    enqueue(storage, unique_key="k", time_limit=60_000_000, expires_at=storage.clock.now() + 10**12, trace="t-1")
    enqueue(storage, delay=1)
    enqueue(storage, expires_at=storage.clock.now() + 1)
    for _ in range(3):
        enqueue(storage, "limited")
        enqueue(storage, "tight", payload=b'{"of": "a"}')
    add(storage)
    schedule = storage.schedules.get("report")
    assert schedule is not None
    assert schedule.next_fire_at is not None
    fire_due(storage.schedules, schedule.next_fire_at)
    storage.metrics.fold(1)
    storage.metrics.note(Gauges(host_id=HOST, label="here", values={"x": 1.0}))
    storage.leadership.lead("somebody", 0.0)
    storage.control.ask(HOST, None, "watch")
    view = WorkerView(process_id=hand.process_id, queue="default", number=1, pid=777, state="idle")
    registry.beat(HOST, [view])


class Crew:
    """A worker and the duties of a coordinator, on one storage, in this process."""

    def __init__(self, backend: Backend, storage: Storage, opened: ExitStack) -> None:
        self.jobs = ForgeJobs(backend.url)
        self.jobs.use(storage, Location(backend.url, "the test"))
        self.ran: list[str] = []
        for kind in ("work", "limited", "tight"):
            self.jobs.handler(kind)(self._work)
        self.storage = storage
        board = a_board(1)
        board.set_head(Head.COORDINATOR_BEAT, monotonic_us())
        seat = Seat(board, board.slot(0))
        stopper = Stopper(seat)
        self._parent, lifeline = map(opened.enter_context, map(closing, Lifeline.pair()))
        wakeup = opened.enter_context(closing(Wakeup(())))
        settler = Settler("here", os.getpid(), lambda: 0.0)
        runner = Runner(
            queue="default", number=1, handlers=self.jobs.handlers, hooks=self.jobs.hooks, heard=frozenset(),
            enqueue=self.jobs.enqueue, seat=seat, stopper=stopper, lifeline=lifeline, wakeup=wakeup, stores=storage,
            clock=SystemClock(),
        )  # fmt: skip
        self.worker = Worker(
            host_id=HOST, queue="default", number=1, process_id=new_process_id(), kinds=list(self.jobs.handlers),
            stores=storage, seat=seat, lifeline=lifeline, wakeup=wakeup, settler=settler, clock=SystemClock(),
            runner=runner,
        )  # fmt: skip
        host = a_host(HOST, kinds=("work", "limited", "tight"))
        view = BoardView(board, ["default"])
        undertaker = Undertaker(HOST, storage, settler, SystemClock())
        self.rescuer = Rescuer(host, storage, view, undertaker, Timetable(), SystemClock(), lambda _ended: None)

    def _work(self, **arguments: Any) -> None:
        if "good" in arguments:
            self.ran.append(arguments["good"])

    def duties(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Give by name what coordinators do, over and over."""
        storage, now = self.storage, SystemClock().now
        upkeep, registry = storage.upkeep, storage.registry
        yield "announce", lambda: registry.announce_host(a_host(HOST, kinds=("work", "limited", "tight")))
        yield "beat", lambda: registry.beat(HOST, [])
        yield "look", lambda: upkeep.look(HOST)
        yield "lost", lambda: self.rescuer.look_for_lost(lambda: None)
        yield "open", lambda: upkeep.open_due(100)
        yield "admit", lambda: storage.limits.admit(100)
        yield "expire", lambda: upkeep.expire(100)
        yield "lead", lambda: storage.leadership.lead(HOST, 15.0)
        yield "fire", lambda: fire_due(storage.schedules, now() + 120 * 10**6)
        yield "fold", lambda: storage.metrics.fold(100)
        yield "tallies", lambda: upkeep.fold_tallies()
        yield "park", lambda: upkeep.park_unserved(100)
        yield "unserved", lambda: upkeep.unserved()
        yield "prune", lambda: upkeep.prune(100)
        yield "forget", lambda: storage.metrics.forget(now() - 10**12, 100)
        yield "sweep", lambda: storage.limits.sweep(100)
        yield "idle limits", lambda: storage.limits.prune_rate_limits(now() - 10**10, 100)
        yield "asked", lambda: storage.control.asked(HOST)
        yield "cancels", lambda: storage.control.cancel_requests()
        yield "totals", lambda: upkeep.run_totals(HOST)
        yield "unfinished", lambda: upkeep.unfinished(["default"], ["work"])
        yield "counts", lambda: storage.operator.counts()
        yield "hosts", lambda: registry.hosts()
        yield "workers", lambda: registry.workers()
        yield "queues", lambda: storage.queue_config.queues()
        yield "quarantine", lambda: upkeep.quarantine()
        yield "metrics", lambda: storage.metrics.totals()

    def drain(self, steps: int = 200) -> None:
        """Let the worker go on until it has nothing to do, or for so many steps."""
        self.storage.registry.announce_worker(
            ProcessRecord(process_id=self.worker._process_id, host_id=HOST, queue="default", number=1, pid=os.getpid(),
                          started_at=SystemClock().now())
        )  # fmt: skip
        self.worker._note_signals = lambda seconds: None  # type: ignore[method-assign]  # it sleeps for nothing
        for _ in range(steps):
            self.worker.step()
            if len(self.ran) >= GOOD and not self.worker._held and not self.worker._ended:
                return

    def enqueue_good(self) -> list[str]:
        """Store jobs that must be done whatever the others hold, last in line."""
        return [
            self.storage.producer.enqueue([a_job(payload=b'{"good": "%d"}' % i, priority=5)])[0].id for i in range(GOOD)
        ]
