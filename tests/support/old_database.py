"""A SQLite database that the first version of its schema left behind, with jobs in every state."""

from __future__ import annotations

from pathlib import Path

import apsw
import msgspec

from forge_jobs.ids import new_job_id
from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Cause
from forge_jobs.storage.sql import migrations
from forge_jobs.storage.sqlite.migrating import APPLICATION_ID
from tests.support.clock import START

LARGE = '"' + "x" * 5000 + '"'
FAILURE = ErrorEntry(at=START, attempt=1, cause=Cause.ERROR, message="no luck, é 漢")
PROCESS = 2**62

# (status, gate, attempts, finished at, result, process id, claim number, cancel requested at)
ROWS: list[tuple[str, int | None, int, int | None, str | None, int | None, int | None, int | None]] = [
    ("pending", 0, 0, None, None, None, None, None),
    ("pending", 1, 0, None, None, None, None, None),
    ("failed", 1, 1, None, None, PROCESS, 1, None),
    ("in_progress", None, 1, None, None, PROCESS, 2, None),
    ("in_progress", None, 2, None, None, PROCESS, 3, START + 5),
    ("done", None, 1, START + 9, "[1,2]", PROCESS, 4, None),
    ("done", None, 1, START + 9, None, PROCESS, 5, None),
    ("dead", None, 5, START + 9, None, PROCESS, 6, None),
]


class Old:
    """A database as version 1 left it; ``ids`` are those of ``ROWS``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ids = [new_job_id() for _ in ROWS]
        self._connection = apsw.Connection(str(path))
        self._connection.pragma("journal_mode", "WAL")
        ((version, _name, text), *_later) = migrations("sqlite")
        self._connection.execute(text)
        self._connection.pragma("user_version", version)
        self._connection.pragma("application_id", APPLICATION_ID)
        self._fill()
        self._connection.close()

    def _fill(self) -> None:
        write = self._connection.execute
        for job_id, (status, gate, attempts, finished_at, result, process_id, claim_no, cancelled) in zip(
            self.ids, ROWS, strict=True
        ):
            seq = write(
                "INSERT INTO job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, attempts,"
                " max_attempts, unique_key, payload, result, process_id, claim_no, started_at, finished_at,"
                " cancel_requested_at) VALUES (unhex(?), 'media', 'work', ?, ?, -3, ?, ?, ?, 5, ?, ?, ?, ?, ?, ?, ?, ?)"
                " RETURNING seq",
                (
                    job_id.replace("-", ""), status, gate, START, START, attempts, job_id, "{}", result, process_id,
                    claim_no, START if claim_no else None, finished_at, cancelled,
                ),
            ).fetchall()[0][0]  # fmt: skip
            if status in ("failed", "dead"):
                entry = msgspec.json.encode(FAILURE).decode()
                write("INSERT INTO job_error (seq, no, entry) VALUES (?, 1, ?)", (seq, entry))
            if claim_no == 5:
                write("UPDATE job SET payload = NULL WHERE seq = ?", (seq,))
                write("INSERT INTO job_body (seq, payload, result) VALUES (?, ?, ?)", (seq, LARGE, LARGE))
        write("INSERT INTO tally (queue, outcome, change) VALUES ('media', 'done', 2), ('media', 'dead', 1)")
        write("INSERT INTO queue VALUES ('media', 0, 1, 2.5, 99.5, 1e4, 1e4, 7)")
        write("INSERT INTO process VALUES (?, 'host-a', 'media', 1, 777, ?)", (PROCESS, START))
