"""Where a job's microseconds go: the enqueue, the exchange statement by statement, the worker's own loop."""

from __future__ import annotations

import contextlib
import cProfile
import os
import pstats
import signal
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest import mock

import apsw
import click

from benchmarks.figures import Figure, say, show
from benchmarks.inside.store import KIND, QUEUE, Store
from forge_jobs import ForgeJobs
from forge_jobs.clock import SystemClock, monotonic_us
from forge_jobs.ids import new_job_id, new_process_id
from forge_jobs.settling import Settler
from forge_jobs.storage.claims import Ended, Exchanged, Want
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.rows import blob
from forge_jobs_supervisor.unix.board import Board, Head
from forge_jobs_supervisor.unix.lifeline import Lifeline
from forge_jobs_supervisor.unix.wakeup import Wakeup
from forge_jobs_supervisor.worker.runner import Runner
from forge_jobs_supervisor.worker.seat import Seat
from forge_jobs_supervisor.worker.stopping import Stopper
from forge_jobs_supervisor.worker.worker import Worker

HOUR = 3_600_000_000
STOPS = (signal.SIGTERM, signal.SIGINT)


def measure(rounds: int, times: int) -> list[Figure]:
    """Return all figures."""
    say("where a job's microseconds go")
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="microseconds-") as directory:
            for number, part in enumerate((_enqueue, _exchange_one, _exchange_many, _loop)):
                for (group, name), microseconds in part(Path(directory, str(number)), times).items():
                    found[group, name].append(microseconds)
    return [Figure(group=group, name=name, unit="µs", rounds=rounds) for (group, name), rounds in found.items()]


Parts = dict[tuple[str, str], float]


# -- enqueueing one job -------------------------------------------------------------------------------------------


def _enqueue(directory: Path, times: int) -> Parts:
    store = Store(directory)
    jobs = ForgeJobs(f"sqlite:///{store.path}")
    store.enqueue(1000, each=1000)
    store.checkpoint()
    log = os.open(directory / "file", os.O_CREAT | os.O_RDWR)
    os.pwrite(log, bytes(1 << 24), 0)
    os.fsync(log)

    def three_pages() -> None:
        os.pwrite(log, bytes(3 * 4120), 3 * 4120 * len(counted) % (1 << 23))
        os.fdatasync(log)
        counted.append(1)

    counted: list[int] = []
    steps: dict[str, Callable[[], object]] = {
        "writing three pages and fdatasync": three_pages,
        "the bare statement through apsw": lambda: _bare(store.raw),
        "Producer.enqueue": lambda: store.enqueue(1),
        "ForgeJobs.enqueue": lambda: jobs.enqueue(KIND, {}),
    }
    parts = {("Enqueue of one job", name): _typical(step, times) for name, step in steps.items()}
    os.close(log)
    jobs.close()
    store.close()
    return parts


def _bare(connection: apsw.Connection) -> None:
    now = SystemClock().now()
    connection.execute("BEGIN IMMEDIATE")
    values = (blob(new_job_id()), QUEUE, KIND, 0, 0, now, now, 5, None, None, None, "{}", None)
    connection.execute(statement("sqlite", "enqueue_plain"), values)
    connection.execute("COMMIT")


def _typical(act: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        start = perf_counter()
        act()
        taken.append(perf_counter() - start)
    return median(taken) * 1e6


# -- an exchange, statement by statement --------------------------------------------------------------------------


def _exchange_one(directory: Path, times: int) -> Parts:
    return _exchange(directory, 1, times)


def _exchange_many(directory: Path, times: int) -> Parts:
    return _exchange(directory, 256, max(times // 20, 10))


def _exchange(directory: Path, rows: int, times: int) -> Parts:
    group = f"Exchange of {rows}, for each job" if rows > 1 else "Exchange of one job"
    store = Store(directory)
    store.enqueue((times + 2) * rows * 2, each=1000)
    store.checkpoint()
    store.exchange(rows)
    whole = median(store.exchange(rows) for _ in range(times))
    database = store.storage._database  # type: ignore[attr-defined]
    with database.reading() as connection:
        watched = Watched(connection)
    database._connection = watched
    for _ in range(times):
        store.exchange(rows)
    database._connection = connection
    store.close()
    parts = {name: median(taken) for name, taken in watched.taken.items()}
    parts["all else: Python, locks"] = whole - sum(parts.values())
    return {(group, "all of it"): whole / rows * 1e6} | {
        (group, f"  {name}"): seconds / rows * 1e6 for name, seconds in parts.items()
    }


class Watched:
    """A connection that times every statement to its end."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.taken: dict[str, list[float]] = defaultdict(list)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Execute a statement to its end."""
        return self._timed(sql, lambda: self._connection.execute(sql, values))

    def executemany(self, sql: str, values: Iterable[Any]) -> Rows:
        """Execute a statement for each item, to its end."""
        prepared = list(values)
        return self._timed(sql, lambda: self._connection.executemany(sql, prepared))

    def _timed(self, sql: str, act: Callable[[], apsw.Cursor]) -> Rows:
        start = perf_counter()
        rows = act().fetchall()
        self.taken[_names().get(sql, sql)].append(perf_counter() - start)
        return Rows(rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class Rows(list[Any]):
    """Rows that were fetched already."""

    def fetchall(self) -> list[Any]:
        """Return them."""
        return self


@cache
def _names() -> dict[str, str]:
    folder = files("forge_jobs.storage.sqlite").joinpath("sql")
    return {file.read_text(encoding="utf-8"): file.name for file in folder.iterdir()}


# -- the worker's loop --------------------------------------------------------------------------------------------


class Restless(Worker):
    """A worker that returns from its step where there is nothing to do."""

    def _sleep(self) -> None:
        pass


class Timed:
    """A function that notes how long it took and how many ends were handed in."""

    def __init__(self, exchange: Callable[..., Exchanged | None]) -> None:
        self._exchange = exchange
        self.seconds = 0.0
        self.ended = 0

    def __call__(self, process_id: int, ended: Sequence[Ended], want: Want | None) -> Exchanged | None:
        """Exchange."""
        start = perf_counter()
        exchanged = self._exchange(process_id, ended, want)
        self.seconds += perf_counter() - start
        self.ended += len(ended)
        return exchanged


def _loop(directory: Path, times: int) -> Parts:
    jobs = max(times, 10) * 20
    with _worker_with(directory, jobs) as (worker, exchange):
        start = perf_counter()
        while exchange.ended < jobs:
            worker.step()
        whole = (perf_counter() - start) / jobs * 1e6
    group = f"A worker's loop, for each of {jobs:,} no-op jobs"
    exchanging = exchange.seconds / jobs * 1e6
    return {
        (group, "all of it"): whole,
        (group, "  exchanging"): exchanging,
        (group, "  the worker's own Python"): whole - exchanging,
    }


@contextlib.contextmanager
def _worker_with(directory: Path, backlog: int) -> Iterator[tuple[Worker, Timed]]:
    """Give a worker that has so many no-op jobs before it, in this process, and its exchange."""
    store = Store(directory)
    jobs = ForgeJobs(f"sqlite:///{store.path}")

    @jobs.handler(kind=KIND)
    def nothing() -> None:
        pass

    jobs.enqueue_bulk([(KIND, {})] * backlog)
    store.checkpoint()
    board = Board.create(16)
    board.set_head(Head.COORDINATOR_BEAT, monotonic_us() + HOUR)
    parent_end, worker_end = Lifeline.pair()
    before = {number: signal.getsignal(number) for number in STOPS}
    wakeup = Wakeup(STOPS)
    seat = Seat(board, board.slot(0))
    runner = Runner(
        queue=QUEUE, number=1, handlers=jobs.handlers, hooks=jobs.hooks, heard=frozenset(), enqueue=jobs.enqueue,
        seat=seat, stopper=Stopper(seat), lifeline=worker_end, wakeup=wakeup,
        stores=store.storage, clock=SystemClock(),
    )  # fmt: skip
    worker = Restless(
        host_id="benchmark", queue=QUEUE, number=1, process_id=new_process_id(), kinds=[KIND], stores=store.storage,
        seat=seat, lifeline=worker_end, wakeup=wakeup, settler=Settler("benchmark", os.getpid(), lambda: 0.0),
        clock=SystemClock(), runner=runner,
    )  # fmt: skip
    worker.announce()
    exchange = Timed(store.storage.worker_queue.exchange)
    with mock.patch.object(store.storage.worker_queue, "exchange", exchange):
        yield worker, exchange
    for end in (parent_end, worker_end, wakeup, jobs, store):
        end.close()
    for number, handler in before.items():
        signal.signal(number, handler)


def profile(jobs: int) -> None:
    """Print what the worker's loop spends its time on, by the interpreter's profiler."""
    with (
        tempfile.TemporaryDirectory(prefix="microseconds-") as directory,
        _worker_with(Path(directory, "profile"), jobs) as (worker, exchange),
        cProfile.Profile() as profiler,
    ):
        while exchange.ended < jobs:
            worker.step()
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(30)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--profile", "with_profile", is_flag=True, help="Print the profile of a worker's loop instead.")
def main(rounds: int, with_profile: bool) -> None:
    """Show where a job's microseconds go."""
    if with_profile:
        profile(20_000)
    else:
        show("Where a job's microseconds go", measure(rounds, 1000))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.inside.microseconds")
