"""flexiq (formerly taskito) on SQLite, with worker processes."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.jobs import BODIES
from benchmarks.peers.base import Arena, Job, Store, expect
from benchmarks.peers.installing import Packaged, program
from benchmarks.peers.running import APPLICATION, running

POLL_MS, BATCH = 5, 32
"""Of what was tried the fastest; ``push_dispatch`` does not see what another process enqueues."""


def application(store: str) -> Any:
    """Return the application on a SQLite file: ``store`` is the number of workers, a colon, and its path."""
    from flexiq import Queue

    workers, _colon, path = store.partition(":")
    queue = Queue(db_path=path, workers=int(workers), scheduler_poll_interval_ms=POLL_MS, scheduler_batch_size=BATCH)
    for kind, body in BODIES.items():
        queue.task(name=kind)(body)
    return queue


class Flexiq(Packaged):
    """As documented for CPU-bound work."""

    name = "flexiq"
    distribution = "flexiq"
    store: Store = "sqlite"
    durable = True
    settings = (
        "synchronous=NORMAL, its only choice: not safe from power loss; --pool prefork, "
        f"scheduler_poll_interval_ms={POLL_MS}, scheduler_batch_size={BATCH}"
    )
    pace = 500

    @contextlib.contextmanager
    def ground(self) -> Iterator[Arena]:
        with tempfile.TemporaryDirectory(prefix="fj-bench-") as directory:
            path = str(Path(directory, "flexiq.db"))
            queue = application(f"1:{path}")
            with contextlib.closing(sqlite3.connect(path)) as rows:
                yield _Arena(path, queue, rows)


class _Arena:
    def __init__(self, path: str, queue: Any, rows: sqlite3.Connection) -> None:
        self._path = path
        self._queue = queue
        self._rows = rows

    def enqueue(self, job: Job) -> None:
        self._queue.enqueue(job.kind, kwargs=job.arguments)

    def enqueue_bulk(self, jobs: Sequence[Job]) -> None:
        for kind, alike in itertools.groupby(jobs, lambda job: job.kind):
            arguments = [job.arguments for job in alike]
            self._queue.enqueue_many(kind, [()] * len(arguments), arguments)

    def farm(self, workers: int) -> AbstractContextManager[list[int]]:
        return running(
            [[program("flexiq"), "worker", "--app", f"{APPLICATION}:app", "--pool", "prefork"]],
            contestant=__name__, store=f"{workers}:{self._path}",
            processes=1 + workers,
        )  # fmt: skip

    def done(self) -> int:
        return self._count("archived_jobs WHERE status = 2")

    def _count(self, rows: str) -> int:
        ((count,),) = self._rows.execute(f"SELECT count(*) FROM {rows}")  # noqa: S608 - a constant
        return int(count)

    def recorded(self) -> None:
        """SQLite keeps no time of a commit."""

    def check_once(self, jobs: int) -> None:
        expect(jobs, done=self.done(), archived_and_live=self._count("archived_jobs") + self._count("jobs"))
