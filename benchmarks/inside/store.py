"""One temporary database with one registered worker, driven through the storage ports as a worker drives it."""

from __future__ import annotations

import time
from pathlib import Path
from time import perf_counter

import apsw

from forge_jobs.clock import MICROSECONDS
from forge_jobs.ids import new_job_id, new_process_id
from forge_jobs.model.job import NewJob
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.storage import open_storage
from forge_jobs.storage.claims import Claim, Ended, Want, done
from forge_jobs.storage.records import HostRecord, ProcessRecord

QUEUE = "default"
KIND = "work"
DAY = 86_400 * MICROSECONDS

_FRAME = 4096 + 24
"""Bytes of one page in the log."""

_FILL = """
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :rows)
INSERT INTO {table} (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, attempts, max_attempts,
                     payload, result, process_id, claim_no, started_at, finished_at)
SELECT unhex(printf('%012x7%03x8%015x', :born / 1000 + n / 1000, n % 4096, n + :born)),
       :queue, :kind, :status, :gate, 0, :due + n, :born + n, :ended, 5,
       '{{"number": ' || n || '}}', iif(:ended, 'null', NULL), iif(:ended, 1, NULL),
       iif(:ended, n, NULL), iif(:ended, :born + n, NULL), iif(:ended, :first_end + n * :step, NULL)
FROM number
"""


def grow_log(connection: apsw.Connection) -> None:
    """Give the log the size that it has after a while: a commit that makes it grow waits longer for the disk."""
    connection.wal_autocheckpoint(0)
    connection.pragma("synchronous", "OFF")
    connection.execute("CREATE TABLE growth AS SELECT 1 AS number")
    for _ in range(8000):
        connection.execute("UPDATE growth SET number = number + 1")
    connection.execute("DROP TABLE growth")
    connection.pragma("synchronous", "FULL")
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)


class Store:
    """The database of one contestant."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.path = directory / "queue.sqlite"
        self.storage = open_storage(f"sqlite:///{self.path}")
        self.storage.queue_config.ensure_queue(QueueSettings(name=QUEUE))
        self._process_id = new_process_id()
        self._claim_no = 0
        self._ended: list[Ended] = []
        self._register()
        self.raw = apsw.Connection(str(self.path))
        self.raw.set_busy_timeout(10_000)
        grow_log(self.raw)

    def _register(self) -> None:
        host = HostRecord(
            host_id="benchmark", hostname="here", pid=1, label="here", version="", queues=[QUEUE], kinds=[KIND]
        )
        self.storage.registry.announce_host(host)
        self.storage.registry.announce_worker(
            ProcessRecord(process_id=self._process_id, host_id="benchmark", queue=QUEUE, number=1, pid=1, started_at=0)
        )

    def close(self) -> None:
        """Close both connections."""
        self.raw.close()
        self.storage.close()

    def fill(
        self, rows: int, status: Status, *, kind: str = KIND, table: str = "job", due_in: int = 0, days: float = 6
    ) -> None:
        """Store many rows quickly: one statement, one transaction. Finished ones have ended in the last ``days``."""
        now = time.time_ns() // 1000
        ended = status is Status.DONE
        values = {
            "rows": rows, "queue": QUEUE, "kind": kind, "status": status.value, "born": now - 20 * DAY,
            "gate": None if ended else int(due_in > 0), "due": now + (due_in or -DAY), "ended": int(ended),
            "first_end": now - round(days * DAY), "step": round(days * DAY) // (rows + 1),
        }  # fmt: skip
        with self.raw:
            self.raw.execute(_FILL.format(table=table), values)
            if ended:
                self.raw.execute("INSERT INTO tally (queue, outcome, change) VALUES (?, 'done', ?)", (QUEUE, rows))
        self.checkpoint()

    def enqueue(self, jobs: int, *, payload: bytes = b"{}", each: int = 1) -> list[float]:
        """Store jobs in transactions of ``each`` and return the seconds each took."""
        new = [NewJob(id=new_job_id(), queue=QUEUE, kind=KIND, payload=payload) for _ in range(jobs)]
        taken = []
        for first in range(0, jobs, each):
            start = perf_counter()
            self.storage.producer.enqueue(new[first : first + each])
            taken.append(perf_counter() - start)
        return taken

    def exchange(self, rows: int) -> float:
        """Hand in what was claimed last, claim up to ``rows`` jobs, and return the seconds that took."""
        want = None
        if rows:
            want = Want(
                queue=QUEUE, kinds=[KIND], first_claim_no=self._claim_no + 1, rows=rows, budget=1e9, costs={KIND: 0.0},
                size=1 << 30,
            )  # fmt: skip
        start = perf_counter()
        exchanged = self.storage.worker_queue.exchange(self._process_id, self._ended, want)
        seconds = perf_counter() - start
        assert exchanged is not None
        assert not exchanged.refused
        self._claim_no += len(exchanged.claims)
        self._ended = [self._done(claim) for claim in exchanged.claims]
        return seconds

    def work_off(self, rows: int) -> list[float]:
        """Claim and hand in all there is, ``rows`` at once; return the seconds each full exchange took."""
        self.exchange(rows)
        taken = []
        while self._ended:
            full = len(self._ended) == rows
            seconds = self.exchange(rows)
            if full and len(self._ended) == rows:
                taken.append(seconds)
        return taken

    def finish(self) -> None:
        """Hand in what was claimed last, and claim nothing."""
        self.exchange(0)

    def _done(self, claim: Claim) -> Ended:
        now = time.time_ns() // 1000
        return done(claim, self._process_id, b"null", now, now, cpu_time=10, peak_memory=1 << 25)

    def checkpoint(self) -> tuple[float, int]:
        """Move the log into the file, so that it is written from its start again; it keeps its size.

        Returns the seconds that took and the bytes that were in the log.
        """
        start = perf_counter()
        frames, _moved = self.raw.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        return perf_counter() - start, frames * _FRAME
