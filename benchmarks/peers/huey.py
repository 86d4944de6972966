"""huey on SQLite, with worker processes."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, NoBulk, Store, expect
from benchmarks.peers.installing import Packaged, program
from benchmarks.peers.running import APPLICATION, running

_POLLING = ["--delay", "0.01", "--max-delay", "0.02"]


def application(path: str) -> Any:
    """Return the application on a SQLite file."""
    huey, _tasks = _declared(path)
    return huey


def _declared(path: str) -> tuple[Any, dict[str, Any]]:
    """Return the application and its tasks. Results of None are stored too: they are what tells who is done."""
    from huey import SqliteHuey

    huey = SqliteHuey("bench", filename=path, store_none=True)
    return huey, {kind: huey.task()(body) for kind, body in BODIES.items()}


class Huey(Packaged):
    """As documented for CPU-bound work."""

    name = "huey"
    distribution = "huey"
    store: Store = "sqlite"
    durable = True
    settings = "SqliteHuey, synchronous=FULL by default; -k process; polls every 10 to 20 ms; results stored"
    pace = 3_000

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        with tempfile.TemporaryDirectory(prefix="fj-bench-") as directory:
            path = str(Path(directory, "huey.db"))
            huey, tasks = _declared(path)
            with contextlib.closing(huey.storage), contextlib.closing(sqlite3.connect(path)) as rows:
                yield _Arena(path, tasks, rows)


class _Arena:
    def __init__(self, path: str, tasks: dict[str, Any], rows: sqlite3.Connection) -> None:
        self._path = path
        self._tasks = tasks
        self._rows = rows

    def enqueue(self, job: Job) -> None:
        self._tasks[job.kind](**job.arguments)

    def enqueue_bulk(self, _jobs: Sequence[Job]) -> None:
        raise NoBulk("huey's map and enqueue store one by one")

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        kind = ["--worker-type", "process", "--workers", str(workers), "--no-periodic", "--quiet"]
        return running(
            [[program("huey_consumer"), f"{APPLICATION}.app", *kind, *_POLLING]],
            contestant=__name__, store=self._path,
            processes=1 + workers + 1,  # the consumer, its workers and its scheduler
        )  # fmt: skip

    def _count(self, table: str) -> int:
        ((count,),) = self._rows.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - a constant
        return int(count)

    def done(self) -> int:
        return self._count("kv")

    def recorded(self) -> None:
        """SQLite keeps no time of a commit."""

    def check_once(self, jobs: int) -> None:
        expect(jobs, results=self.done(), results_and_waiting=self.done() + self._count("task"))
